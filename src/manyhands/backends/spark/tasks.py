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
    """joblibspark's backend, changed so that the tasks of a single worker run on Spark too and not in this process."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """The number of workers that joblib sees, at least 2: with 1, joblib would not use the backend."""
        return max(2, int(super().effective_n_jobs(n_jobs)))

    def configure(self, n_jobs: int = 1, parallel: Any = None, prefer: Any = None, require: Any = None, **options: Any) -> int:
        """Sets the number of tasks at a time to the number of workers, for a single worker too."""
        visible = int(super().configure(n_jobs, parallel, prefer, require, **options))
        self._n_jobs = n_jobs
        return visible


@contextmanager
def open_tasks(spec: RunSpec, folder: Path) -> Iterator[JoblibTasks]:
    """joblib with the backend `spark`; rows are in files in `folder`, so all machines of a cluster must share that folder."""
    own = Path(tempfile.mkdtemp(dir=folder))
    with (
        joblib.parallel_config(backend=OnSlots(), n_jobs=spec.workers),
        joblib.Parallel(n_jobs=spec.workers) as parallel,
    ):
        yield JoblibTasks("spark", spec, own, parallel)
