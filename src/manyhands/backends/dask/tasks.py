"""Independent tasks on Dask: joblib with the backend `dask`, on the workers of the run only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import joblib
from joblib._dask import DaskDistributedBackend

from manyhands.backends.dask.workers import Workers
from manyhands.backends.estimators.tasks import FileTaskEngine, Task, threaded


class DaskTasks(FileTaskEngine):
    """Tasks through one `joblib.Parallel` on Dask."""

    strategy = "joblib dask"

    def __init__(self, workers: Workers, folder: Path) -> None:
        super().__init__(folder)
        self.workers = workers
        workers.each(import_models)

    def probe(self) -> list[dict[str, Any]]:
        return self.workers.probe()

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        backend = OnWorkers(client=self.workers.client, workers=list(self.workers.addresses), pure=False)
        with joblib.parallel_config(backend=backend):
            threads = self.workers.threads
            return list(joblib.Parallel()(joblib.delayed(threaded)(threads, function, *task) for task in tasks))


class OnWorkers(DaskDistributedBackend):  # type: ignore[misc]  # joblib has no types
    """joblib's backend for Dask, changed so that the tasks of a single worker run on Dask too and not in this process."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        return max(2, int(super().effective_n_jobs(n_jobs)))


def import_models() -> None:
    """Imports the libraries of the tasks, before anything is timed."""
    import sklearn.ensemble
    import sklearn.neural_network  # noqa: F401
