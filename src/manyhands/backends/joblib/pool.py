"""A joblib pool that is open for the whole run: all workers started, known by name, and their libraries imported."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.resource_tracker import _resource_tracker as tracker_of_python
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky import get_reusable_executor
from joblib.externals.loky.backend.resource_tracker import _resource_tracker as loky_tracker

from manyhands.backends.estimators.run import probe
from manyhands.backends.estimators.tasks import FileTaskEngine, Task, threaded, worker_key
from manyhands.errors import EngineError
from manyhands.plan import RunSpec

MEET_S = 60.0
"""Seconds that a worker waits for the others to start: each imports scikit-learn, which takes a second or two."""


class JoblibTasks(FileTaskEngine):
    """Tasks through one `joblib.Parallel`."""

    def __init__(self, pool: str, spec: RunSpec, folder: Path, parallel: joblib.Parallel) -> None:
        super().__init__(folder)
        self.strategy = f"joblib {pool}"
        self.in_threads = pool == "threading"
        self.workers, self.threads = spec.workers, spec.threads
        self.parallel = parallel
        self.meetings = 0

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        return list(self.parallel(joblib.delayed(threaded)(self.threads, function, *task) for task in tasks))

    def place(self, array: Any) -> Any:
        return array if self.in_threads else super().place(array)

    def probe(self) -> list[dict[str, Any]]:
        """One report from every worker: tasks cannot be sent to a worker, so each waits until all have one."""
        self.meetings += 1
        folder = self.folder / f"meeting-{self.meetings}"
        folder.mkdir()
        reports = self.run(meet, [(str(folder), self.workers, self.in_threads)] * self.workers)
        return sorted(reports, key=lambda report: (report["pid"], report["thread"] or 0))


def meet(folder: str, workers: int, in_threads: bool) -> dict[str, Any]:
    """This worker's report, once all of them are in; raises EngineError when one does not come."""
    import sklearn.ensemble
    import sklearn.neural_network  # noqa: F401 - imported by all workers before anything is timed

    _, process, thread = worker_key(in_threads)
    (Path(folder) / f"{process}-{thread}").touch()
    deadline = time.perf_counter() + MEET_S
    while len(list(Path(folder).iterdir())) < workers:
        if time.perf_counter() > deadline:
            raise EngineError(f"joblib was asked for {workers} workers and started fewer within {MEET_S:.0f} s")
        time.sleep(0.002)
    return probe() | {"thread": thread}


@contextmanager
def open_pool(pool: str, spec: RunSpec, folder: Path) -> Iterator[JoblibTasks]:
    """The pool with all its workers started; stopped, and waited for, at the end."""
    options = {"inner_max_num_threads": spec.threads} if pool == "loky" else {}
    with (
        joblib.parallel_config(backend=pool, n_jobs=spec.workers, temp_folder=str(folder), **options),
        joblib.Parallel(n_jobs=spec.workers) as parallel,
    ):
        tasks = JoblibTasks(pool, spec, folder, parallel)
        if spec.workers == 1:  # its tasks joblib runs in this process, whatever the pool
            tasks.strategy = "joblib sequential"
        tasks.probe()
        yield tasks
    if pool == "loky":
        get_reusable_executor().shutdown(wait=True)
        # Those who watch over files and semaphores are needed until the last one is given back, when this process ends.
        Finalize(None, stop_trackers, exitpriority=-100)


def stop_trackers() -> None:
    """Ends the two processes that clean up after this one if it is killed; left alone they outlive it by a moment."""
    for tracker in (loky_tracker, tracker_of_python):
        tracker._stop()  # type: ignore[union-attr]  # typeshed leaves it out
