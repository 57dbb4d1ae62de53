"""Independent tasks on Spark: joblib with the backend of joblibspark."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from joblibspark.backend import SparkDistributedBackend  # type: ignore[import-untyped]

from manyhands.backends._estimators_tasks import Task
from manyhands.backends._joblib_estimators import JoblibTasks
from manyhands.plan import RunSpec


class SparkTasks(JoblibTasks):
    """joblib's tasks as Spark jobs of one task each, started from as many threads of the driver as there are workers."""

    def __init__(self, spec: RunSpec, folder: Path, parallel: joblib.Parallel) -> None:
        super().__init__("spark", spec.workers, folder, parallel)
        self.strategy = "joblib spark"
        self.threads = spec.threads

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        return super().run(threaded, [(self.threads, function, *task) for task in tasks])


class OnSlots(SparkDistributedBackend):  # type: ignore[misc]  # joblib has no types
    """Spark's backend for joblib, which would run the tasks of a single worker in this process."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """What joblib hears: with one it would not ask the backend for anything."""
        return max(2, int(super().effective_n_jobs(n_jobs)))

    def configure(self, n_jobs: int = 1, parallel: Any = None, prefer: Any = None, require: Any = None, **options: Any) -> int:
        """As many tasks at a time as there are workers, of a single one too."""
        heard = int(super().configure(n_jobs, parallel, prefer, require, **options))
        self._n_jobs = n_jobs
        return heard


def threaded(threads: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` with the threads of the spec: joblibspark would have what runs inside a task use one alone."""
    with joblib.parallel_config("threading", n_jobs=threads):
        return function(*arguments)


@contextmanager
def open_tasks(spec: RunSpec, folder: Path) -> Iterator[SparkTasks]:
    """joblib with the backend `spark`; rows lie in files of `folder`, so machines of a cluster must share it."""
    own = Path(tempfile.mkdtemp(dir=folder))
    with (
        joblib.parallel_config(backend=OnSlots(), n_jobs=spec.workers),
        joblib.Parallel(n_jobs=spec.workers) as parallel,
    ):
        yield SparkTasks(spec, own, parallel)
