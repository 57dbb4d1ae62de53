"""Independent tasks on Spark: joblib with the backend of joblibspark."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
from joblibspark.backend import SparkDistributedBackend  # type: ignore[import-untyped]

from manyhands.backends.estimators.joblib_tasks import JoblibTasks
from manyhands.plan import RunSpec


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


@contextmanager
def open_tasks(spec: RunSpec, folder: Path) -> Iterator[JoblibTasks]:
    """joblib with the backend `spark`; rows lie in files of `folder`, so machines of a cluster must share it."""
    own = Path(tempfile.mkdtemp(dir=folder))
    with (
        joblib.parallel_config(backend=OnSlots(), n_jobs=spec.workers),
        joblib.Parallel(n_jobs=spec.workers) as parallel,
    ):
        yield JoblibTasks("spark", spec, own, parallel)
