"""`spark`: TorchDistributor in barrier mode for networks, with one Spark task for each worker, torchrun in each task, and
gloo or NCCL between the workers; MLlib, xgboost.spark and joblibspark for estimators.

Without `--address` a session for this run starts on loopback, as `local[N]` with a slot for each worker. With
`--address spark://HOST:PORT` the run uses a standalone master and leaves it running; every machine of the cluster needs the
same Python and manyhands. TorchDistributor's `local_mode=True` is torchrun on the driver; it is the backend `spark-local`.
All processes listen on one address: loopback, or this machine's address in the master's network.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from manyhands.backends.base import Fit
from manyhands.backends.estimators.refusal import too_few_tasks
from manyhands.backends.spark.base import SparkBackend
from manyhands.backends.spark.local_mode import SparkLocal
from manyhands.measure.phases import now
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class

__all__ = ["Spark", "SparkLocal"]


class Spark(SparkBackend):
    """Each worker runs the epoch loop in a process that torchrun starts inside its task."""

    name: ClassVar[str] = "spark"
    summary: ClassVar[str] = "Spark's TorchDistributor, a barrier task for each worker"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "pyspark", "pyarrow", "joblibspark")
    extra: ClassVar[str] = "spark"
    prepares: ClassVar[tuple[str, ...]] = ("plain", "spark")
    reusable: ClassVar[bool] = True
    limits_memory: ClassVar[bool] = True

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        workload = workload_class(spec.workload)
        if spec.nodes > 1:
            return "spark takes its machines from --address spark://HOST:PORT, not from --nodes"
        if spec.address is not None and not spec.address.startswith("spark://"):
            return f"spark joins a standalone master, --address spark://HOST:PORT, not {spec.address}"
        if spec.prepare == "spark" and spec.data is not None:
            return f"spark prepares files in a folder, not {spec.data}; leave out --windows-by spark, or use --data FOLDER"
        if spec.prepare == "spark" and workload.data != "stocks":
            return f"spark prepares only stocks, and {spec.workload} trains on {workload.data}; leave out --windows-by spark"
        if workload.kind == "script" and spec.address:
            return "spark runs a script on this machine only; leave --address out"
        if workload.kind in ("network", "function", "collective", "script"):
            return "spark cannot limit the memory of torch processes; leave --memory-limit out" if spec.memory_limit else None
        return cls._refuse_estimator(spec, workload.kind)

    @classmethod
    def _refuse_estimator(cls, spec: RunSpec, kind: str) -> str | None:
        if kind == "clustering" and spec.threads > 1:
            return "MLlib's K-means uses one thread for each worker; use more --workers in place of --threads"
        if kind == "boosting" and spec.address and spec.oversubscribe and spec.threads > 1:
            return "xgboost.spark uses one thread for each core that the cluster sets aside; leave --oversubscribe out"
        if kind not in ("clustering", "boosting") and spec.memory_limit is not None:
            return f"spark limits only the memory of rows that Spark holds, not those of {kind}; leave --memory-limit out"
        return too_few_tasks(spec)

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        from manyhands.backends.spark.session import session_variables

        return session_variables(spec) | ({"GLOO_SOCKET_IFNAME": "lo"} if spec.address is None else {})

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Prepares the data with --windows-by spark, runs the workers, and returns the reports that rank 0 gathered."""
        from pyspark.ml.torch.distributor import TorchDistributor

        from manyhands.backends.ranks.sent_files import job_of
        from manyhands.backends.spark import worker
        from manyhands.backends.spark.failure import failure, own_log_server
        from manyhands.backends.spark.session import executor_hosts

        began = now()
        prepared = self._prepare(spec) if spec.prepare == "spark" else None
        prepare_s = now() - began if prepared else None
        with own_log_server() as log:
            try:
                distributor = TorchDistributor(num_processes=spec.workers, local_mode=False, use_gpu=spec.device == "cuda")
                reports: Any = distributor.run(worker.main, job_of(spec), prepared)
            except Exception as error:
                raise failure(error, list(log.lines), executor_hosts(self.session)) from None
        return [with_preparation(report, spec.prepare, prepare_s) for report in reports]

    def fit_script(self, spec: RunSpec) -> Fit:
        """TorchDistributor with a file: torchrun starts it in the task of each worker."""
        from pyspark.ml.torch.distributor import TorchDistributor

        from manyhands.backends.scripts.script_run import ScriptRun
        from manyhands.backends.spark.failure import failure, own_log_server

        run = ScriptRun.of(spec, self.folder)
        with own_log_server() as log:
            try:
                distributor = TorchDistributor(num_processes=spec.workers, local_mode=False, use_gpu=spec.device == "cuda")
                distributor.run(*run.command)
            except Exception as error:
                raise run.error(failure(error, list(log.lines))) from None
        return run.fit()

    def fit_clustering(self, spec: RunSpec) -> Fit:
        """MLlib's K-means."""
        from manyhands.backends.estimators.clustering import clustering_fit
        from manyhands.backends.spark.estimators import SparkClustering, engine_errors

        with engine_errors(self.folder):
            return clustering_fit(spec, SparkClustering(self.session, spec.workers))

    def fit_boosting(self, spec: RunSpec) -> Fit:
        """xgboost.spark; with a memory limit, XGBoost with its matrix on disk."""
        from manyhands.backends.estimators.boosting import boosting_fit
        from manyhands.backends.spark.estimators import boosting_engine, engine_errors

        with engine_errors(self.folder):
            return boosting_fit(spec, boosting_engine(self.session, spec))

    def fit_ensemble(self, spec: RunSpec) -> Fit:
        """One task for each member, through joblibspark."""
        from manyhands.backends.estimators.ensemble import ensemble_fit
        from manyhands.backends.spark.estimators import engine_errors
        from manyhands.backends.spark.tasks import open_tasks

        with engine_errors(self.folder), open_tasks(spec, self.folder) as tasks:
            return ensemble_fit(spec, tasks)

    def fit_search(self, spec: RunSpec) -> Fit:
        """One task for each candidate and fold, through joblibspark."""
        from manyhands.backends.estimators.search import search_fit
        from manyhands.backends.spark.estimators import engine_errors
        from manyhands.backends.spark.tasks import open_tasks

        with engine_errors(self.folder), open_tasks(spec, self.folder) as tasks:
            return search_fit(spec, tasks)

    def _prepare(self, spec: RunSpec) -> str:
        """Path of the file with the arrays that Spark prepared; on a cluster Spark sends the file with the next tasks."""
        from manyhands.backends.ranks.network import network_workload
        from manyhands.backends.spark.arrays import write_arrays
        from manyhands.backends.spark.windows import prepare_windows

        workload: Any = network_workload(spec)
        data_dir = Path(spec.data_dir) if spec.data_dir else None
        windows = prepare_windows(self.session, self.folder, data_dir, workload.window, workload.symbols, workload.file or None)
        path = self.folder / f"prepared-{time.time_ns()}.npz"
        write_arrays(path, workload.arrays(windows))
        if spec.address is not None:
            self.session.sparkContext.addFile(str(path))
        return str(path)


def with_preparation(report: Mapping[str, Any], prepare: str, prepare_s: float | None) -> dict[str, Any]:
    """A worker's report with the way of preparation added; the seconds of preparation are added to its `load` phase.

    Spark prepares the data before the workers start. Each worker's start is moved back by that time, so that the time is
    not counted as launch too.
    """
    changed = dict(report) | {"resolved": report["resolved"] | {"prepare": prepare, "prepare_s": prepare_s}}
    if prepare_s is not None:
        changed["started"] = report["started"] - prepare_s
        changed["phases"] = report["phases"] | {"load_s": report["phases"]["load_s"] + prepare_s}
    return changed
