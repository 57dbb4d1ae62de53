"""`ray`: Ray Train's TorchTrainer, an actor for each worker and DistributedDataParallel by `prepare_model`; for estimators Ray's
XGBoostTrainer, and joblib on actors. Ray has no clustering.

Without `--address` a cluster for this run alone starts on loopback. With `--address` (`auto`, `HOST:PORT`, `ray://HOST:PORT`)
the run joins an existing cluster, which keeps running; all its machines need the same Python, Ray and manyhands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from manyhands.backends.base import Fit
from manyhands.backends.estimators.refusal import too_few_tasks
from manyhands.backends.ranks.base import RankBackend
from manyhands.errors import UsageError
from manyhands.measure.garbage import imports_without_collection
from manyhands.plan import RunSpec
from manyhands.user_files import is_script

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

WORKERS = "RAY_NUM_WORKERS"


class RayTrain(RankBackend):
    """Each worker runs the epoch loop in an actor; rank 0 returns the reports of all."""

    name: ClassVar[str] = "ray"
    summary: ClassVar[str] = "Ray Train's TorchTrainer, an actor for each worker"
    libraries: ClassVar[tuple[str, ...]] = ("torch", "ray", "pyarrow")
    extra: ClassVar[str] = "ray"
    reusable: ClassVar[bool] = True
    cluster: AbstractContextManager[None]

    @classmethod
    def default_workers(cls, environ: Mapping[str, str]) -> int | None:
        """The value of RAY_NUM_WORKERS, None when it is not set; raises UsageError when it is not a whole number above 0."""
        given = environ.get(WORKERS)
        if not given:
            return None
        if not given.isdecimal() or int(given) < 1:
            raise UsageError(f"{WORKERS}={given} is not a whole number above 0; set it right, or give --workers")
        return int(given)

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        from manyhands.backends.ray.existing import split_address

        if spec.nodes > 1:
            return "ray takes its machines from --address HOST:PORT, not from --nodes"
        if is_script(spec.workload) and spec.address:
            return "ray runs a script on this machine only; leave --address out"
        if spec.address not in (None, "auto"):
            split_address(spec.address)
        return too_few_tasks(spec)

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        from manyhands.backends.ray.environment import variables

        return variables(spec.address)

    @classmethod
    def end_in_logs(cls, folder: Path) -> str | None:
        from manyhands.backends.ray.failure import agent_that_ended

        agent = agent_that_ended(folder)  # Ray ends the driver when an agent has ended, often before its raylet
        return (
            f"ray's {agent} on this machine ended, and its raylet because of that; perhaps the agent was killed"
            if agent
            else None
        )

    def __enter__(self) -> Self:
        from manyhands.backends.ray.existing import join
        from manyhands.backends.ray.local import local_cluster

        self.cluster = join(self.spec.address) if self.spec.address else local_cluster(self.spec, self.folder)
        self.cluster.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.cluster.__exit__(kind, error, trace)

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """Runs the workers in the cluster, without a retry; raises UsageError when the cluster has no room for all workers."""
        from manyhands.backends.ray.workers import check_room

        check_room(spec)
        with imports_without_collection():
            import ray.train
            import ray.train.torch

            from manyhands.backends.ranks.sent_files import job_of
            from manyhands.backends.ray.failure import failure
            from manyhands.backends.ray.process_group import GroupConfig
            from manyhands.backends.ray.worker import work

        train: Any = ray.train  # Ray's types describe version 1 of Ray Train, but version 2 runs
        trainer = train.torch.TorchTrainer(
            work,
            train_loop_config=dict(job_of(spec)),
            scaling_config=scaling_config(spec),
            torch_config=GroupConfig(timeout_s=int(spec.timeout_s)),
            run_config=run_config(),
        )
        try:
            result = trainer.fit()
        except train.TrainingFailedError as error:
            raise failure(error) from error
        reports: list[dict[str, Any]] = result.return_value
        return reports

    def fit_script(self, spec: RunSpec) -> Fit:
        """A process of the script for each worker of Ray Train."""
        from manyhands.backends.ray.workers import check_room

        check_room(spec)
        with imports_without_collection():
            import ray.train
            import ray.train.torch

            from manyhands.backends.ray.failure import failure
            from manyhands.backends.ray.process_group import NoGroup
            from manyhands.backends.ray.script_worker import run_script
            from manyhands.backends.scripts.meeting import meeting
            from manyhands.backends.scripts.script_run import ScriptRun

        train: Any = ray.train
        run = ScriptRun.of(spec, self.folder)
        with meeting(spec) as variables:
            try:
                train.torch.TorchTrainer(
                    run_script,
                    train_loop_config={"spec": spec.to_dict(), "folder": str(run.folder), "meeting": variables},
                    scaling_config=scaling_config(spec),
                    torch_config=NoGroup(),
                    run_config=run_config(),
                ).fit()
            except train.TrainingFailedError as error:
                raise run.error(failure(error)) from error
        return run.fit()

    def fit_boosting(self, spec: RunSpec) -> Fit:
        """Ray Train's XGBoostTrainer."""
        from manyhands.backends.estimators.boosting import boosting_fit
        from manyhands.backends.ray.boosting import open_boosting
        from manyhands.backends.ray.workers import check_room

        check_room(spec)
        with open_boosting(spec, run_config()) as engine:
            return boosting_fit(spec, engine)

    def fit_ensemble(self, spec: RunSpec) -> Fit:
        """One task for each member, by joblib on actors."""
        from manyhands.backends.estimators.ensemble import ensemble_fit
        from manyhands.backends.ray.tasks import open_tasks
        from manyhands.backends.ray.workers import check_room

        check_room(spec)
        with open_tasks(spec, self.folder) as tasks:
            return ensemble_fit(spec, tasks)

    def fit_search(self, spec: RunSpec) -> Fit:
        """One task for each candidate and fold, by joblib on actors."""
        from manyhands.backends.estimators.search import search_fit
        from manyhands.backends.ray.tasks import open_tasks
        from manyhands.backends.ray.workers import check_room

        check_room(spec)
        with open_tasks(spec, self.folder) as tasks:
            return search_fit(spec, tasks)


def scaling_config(spec: RunSpec) -> Any:
    """The workers of Ray Train, with a CPU for each of their threads."""
    import ray.train

    train: Any = ray.train
    return train.ScalingConfig(
        num_workers=spec.workers, use_gpu=spec.device == "cuda", resources_per_worker={"CPU": spec.threads}
    )


def run_config() -> Any:
    """Settings of Ray Train without retries and without saved files."""
    import ray.train

    train: Any = ray.train
    return train.RunConfig(
        name="manyhands",
        storage_path="manyhands",
        storage_filesystem=in_memory(),
        failure_config=train.FailureConfig(max_failures=0, controller_failure_limit=0, max_preemption_failures=0),
        logging_config=train.LoggingConfig(log_level="ERROR"),
    )


def in_memory() -> FileSystem:
    """A file system in memory for Ray Train's files, so that no folder is left on a machine of the cluster."""
    from fsspec.implementations.memory import MemoryFileSystem  # type: ignore[import-untyped]
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    return PyFileSystem(FSSpecHandler(MemoryFileSystem()))
