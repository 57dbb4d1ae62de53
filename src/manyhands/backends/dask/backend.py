"""`dask`: one Dask worker process for each rank; networks train in a torch process group of the workers, estimators with
Dask's own libraries.

Without `--address` the run starts and ends a LocalCluster on loopback. With `--address` it uses a scheduler that runs already,
and leaves the scheduler running.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Any, ClassVar, Self

from manyhands.backends.base import Fit
from manyhands.backends.estimators.refusal import too_few_tasks
from manyhands.backends.ranks.base import RankBackend
from manyhands.errors import ManyhandsError
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class


class DaskCluster(RankBackend):
    """distributed: a scheduler, and one task pinned to each of `workers` worker processes."""

    name: ClassVar[str] = "dask"
    summary: ClassVar[str] = "Dask workers: DistributedDataParallel, dask-ml, xgboost.dask"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "dask", "distributed", "dask_ml")
    extra: ClassVar[str] = "dask"
    reusable: ClassVar[bool] = True
    limits_memory: ClassVar[bool] = True

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        kind = workload_class(spec.workload).kind
        if kind == "script" and spec.address:
            return "dask runs a script on this machine only; leave --address out"
        if spec.memory_limit is not None:
            if kind not in ("clustering", "boosting"):
                return f"dask limits only the memory of rows that Dask holds, not those of {kind}; leave --memory-limit out"
            if spec.address:
                return (
                    "the workers of a running Dask cluster have their own memory limits; leave --memory-limit out, or --address"
                )
        return too_few_tasks(spec)

    def __enter__(self) -> Self:
        """Starts the workers and waits for them, or joins the scheduler at `spec.address`."""
        from manyhands.backends.dask.deaths import listen
        from manyhands.backends.dask.existing import join
        from manyhands.backends.dask.library import distributed_module
        from manyhands.backends.dask.local import local_cluster

        logging.getLogger("distributed").setLevel(logging.ERROR)
        if self.spec.address:
            self.cluster, self.client, self.deaths = None, join(self.spec.address), None
        else:
            self.cluster = local_cluster(self.spec, str(self.folder))
            self.deaths = listen()
            self.client = distributed_module().Client(self.cluster, set_as_default=False)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from manyhands.backends.dask.local import kill_workers, stop_tracker

        if kind and self.cluster:
            kill_workers()
        self.client.close()
        if self.cluster:
            self.cluster.close()
            stop_tracker()

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Starts one task for each rank, all at once, and returns their reports."""
        from manyhands.backends.dask.existing import choose_workers
        from manyhands.backends.dask.process_group import open_listener
        from manyhands.backends.dask.worker import rank_task
        from manyhands.backends.ranks.sent_files import job_of

        addresses = choose_workers(self.client, spec)
        meeting = self.client.run(open_listener, workers=addresses[:1])[addresses[0]]
        hosts = [address.rpartition(":")[0] for address in addresses]
        places = [(rank, hosts[:rank].count(host), meeting) for rank, host in enumerate(hosts)]
        return self._run_tasks(addresses, rank_task, [(job_of(spec), *place) for place in places])

    def fit_script(self, spec: RunSpec) -> Fit:
        """A process of the script for each worker, started by the task of its rank."""
        from manyhands.backends.dask.existing import choose_workers
        from manyhands.backends.dask.script_worker import script_task
        from manyhands.backends.scripts.meeting import meeting
        from manyhands.backends.scripts.script_run import ScriptRun

        run, addresses = ScriptRun.of(spec, self.folder), choose_workers(self.client, spec)
        with meeting(spec) as variables:
            given = [(spec.to_dict(), rank, str(run.folder), variables) for rank in range(spec.workers)]
            try:
                self._run_tasks(addresses, script_task, given)
            except ManyhandsError as error:
                raise run.error(error) from None
        return run.fit()

    def _run_tasks(self, addresses: Sequence[str], task: Callable[..., Any], given: Sequence[tuple[Any, ...]]) -> list[Any]:
        """The results of the ranks' tasks, all started at once, each pinned to its worker; raises the error of the first that failed.

        `given`: the arguments of each rank.
        """
        from manyhands.backends.dask.existing import leave
        from manyhands.backends.dask.failure import collect

        run, before = uuid.uuid4().hex[:12], len(self.client.nthreads())
        futures = {
            address: self.client.submit(
                task, *given[rank], key=f"manyhands-{run}-rank-{rank}", workers=[address], pure=False, retries=0
            )
            for rank, address in enumerate(addresses)
        }
        try:
            return collect(self.client, futures, self.deaths)
        except BaseException:
            if not self.cluster:
                leave(self.client, futures, before)
            raise

    def fit_clustering(self, spec: RunSpec) -> Fit:
        """dask-ml's KMeans."""
        from manyhands.backends.dask.estimators import DaskClustering
        from manyhands.backends.dask.workers import engine_errors, workers_for
        from manyhands.backends.estimators.clustering import clustering_fit

        with engine_errors():
            return clustering_fit(spec, DaskClustering(workers_for(self.client, spec), limited=spec.memory_limit is not None))

    def fit_boosting(self, spec: RunSpec) -> Fit:
        """xgboost.dask; with a memory limit, XGBoost with its matrix on disk."""
        from manyhands.backends.dask.estimators import boosting_engine
        from manyhands.backends.dask.workers import engine_errors, workers_for
        from manyhands.backends.estimators.boosting import boosting_fit

        with engine_errors():
            return boosting_fit(spec, boosting_engine(workers_for(self.client, spec), spec))

    def fit_ensemble(self, spec: RunSpec) -> Fit:
        """One task for each member."""
        from manyhands.backends.dask.tasks import DaskTasks
        from manyhands.backends.dask.workers import engine_errors, workers_for
        from manyhands.backends.estimators.ensemble import ensemble_fit

        with engine_errors():
            return ensemble_fit(spec, DaskTasks(workers_for(self.client, spec), self._own_folder()))

    def fit_search(self, spec: RunSpec) -> Fit:
        """One task for each candidate and fold."""
        from manyhands.backends.dask.tasks import DaskTasks
        from manyhands.backends.dask.workers import engine_errors, workers_for
        from manyhands.backends.estimators.search import search_fit

        with engine_errors():
            return search_fit(spec, DaskTasks(workers_for(self.client, spec), self._own_folder()))

    def fit_preparation(self, spec: RunSpec) -> Fit:
        """Dask arrays."""
        from manyhands.backends.dask.estimators import DaskPreparation
        from manyhands.backends.dask.workers import engine_errors, workers_for
        from manyhands.backends.estimators.preparation import preparation_fit

        with engine_errors():
            return preparation_fit(spec, DaskPreparation(workers_for(self.client, spec)))

    def _own_folder(self) -> Path:
        return Path(mkdtemp(dir=self.folder))  # runs that share these workers must not share files
