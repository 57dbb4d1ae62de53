"""`serial`: one worker in this process, the base line. `--threads` sets its number of threads, by default one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from manyhands.backends.base import Backend, Fit
from manyhands.plan import RunSpec


class Serial(Backend):
    """One worker without an engine."""

    name: ClassVar[str] = "serial"
    summary: ClassVar[str] = "one process, no engine: the base line"
    libraries: ClassVar[tuple[str, ...]] = ()
    limits_memory: ClassVar[bool] = True
    lacks: ClassVar[Mapping[str, str]] = {"collective": "one process has no other process to exchange data with"}

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        if spec.workers > 1:
            return "serial is one worker by definition; use --threads to give it more cores"
        return None if spec.memory_limit is None else too_large(spec, spec.memory_limit)

    def fit_network(self, spec: RunSpec) -> Fit:
        """Trains in this process."""
        from manyhands.backends.ranks.fit import network_fit
        from manyhands.backends.ranks.job import run_rank
        from manyhands.backends.ranks.loop import check_device
        from manyhands.backends.ranks.rank import Rank

        return network_fit([run_rank(Rank(check_device(spec)), spec)], spec)

    def fit_function(self, spec: RunSpec) -> Fit:
        """Trains what a user's function builds in this process."""
        return self.fit_network(spec)

    def fit_clustering(self, spec: RunSpec) -> Fit:
        """scikit-learn's KMeans."""
        from manyhands.backends.estimators.clustering import clustering_fit
        from manyhands.backends.serial.estimators import SerialClustering

        return clustering_fit(spec, SerialClustering())

    def fit_boosting(self, spec: RunSpec) -> Fit:
        """`xgboost.train`."""
        from manyhands.backends.estimators.boosting import boosting_fit
        from manyhands.backends.serial.estimators import SerialBoosting

        return boosting_fit(spec, SerialBoosting())

    def fit_ensemble(self, spec: RunSpec) -> Fit:
        """One member after the other."""
        from manyhands.backends.estimators.ensemble import ensemble_fit
        from manyhands.backends.serial.estimators import SerialTasks

        return ensemble_fit(spec, SerialTasks())

    def fit_search(self, spec: RunSpec) -> Fit:
        """One candidate after the other."""
        from manyhands.backends.estimators.search import search_fit
        from manyhands.backends.serial.estimators import SerialTasks

        return search_fit(spec, SerialTasks())

    def fit_script(self, spec: RunSpec) -> Fit:
        """One process, as `python` starts it."""
        from manyhands.backends.scripts.script_run import ScriptRun
        from manyhands.backends.scripts.worker_process import run_worker

        run = ScriptRun.of(spec, self.folder)
        run_worker(run, {})
        return run.fit()

    def fit_preparation(self, spec: RunSpec) -> Fit:
        """Plain NumPy."""
        from manyhands.backends.estimators.preparation import preparation_fit
        from manyhands.backends.serial.estimators import SerialPreparation

        return preparation_fit(spec, SerialPreparation())


def too_large(spec: RunSpec, limit: int) -> str | None:
    """The reason why the rows of `spec` do not fit one process of `limit` bytes, with the sizes; None when they fit."""
    from manyhands.backends.serial.estimators import COPIES, training_bytes

    rows = training_bytes(spec)
    if rows is None:
        return f"{spec.workload} does not report the size of its rows, so serial cannot check --memory-limit; leave the limit out"
    if COPIES * rows <= limit:
        return None
    return (
        f"serial holds all rows in one process: {rows / 1e6:.0f} MB of rows, and as much again for the copy that training makes,"
        f" do not fit --memory-limit {limit / 1e6:.0f} MB; use dask or spark, more memory or fewer --samples"
    )
