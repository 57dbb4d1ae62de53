"""Tasks through joblib with any of its backends; all workers are started and known before anything is timed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.resource_tracker import _resource_tracker as tracker_of_python
from pathlib import Path
from typing import Any

import joblib
from joblib.externals.loky.backend.resource_tracker import _resource_tracker as loky_tracker

from manyhands.backends.estimators.run import probe
from manyhands.backends.estimators.tasks import TASK_WORKER_FIELDS, FileTaskEngine, Task, own_key, threaded
from manyhands.errors import EngineError
from manyhands.plan import RunSpec

AFTER_MEMORY = TASK_WORKER_FIELDS.index("rows_seen")
WITH_THREAD = (*TASK_WORKER_FIELDS[:AFTER_MEMORY], "thread", *TASK_WORKER_FIELDS[AFTER_MEMORY:])
"""Fields of a worker that a record keeps."""
MEET_S = 60.0
"""Seconds that a worker waits for the others to start: each imports scikit-learn, which takes a second or two."""


CODES = re.compile(r"exit codes of the workers are \{(.*?)\}")
END = re.compile(r"(\w+)\((-?\d+)\)")
"""The form in which loky names the end of a worker: `SIGKILL(-9)`, `EXIT(1)`."""


class JoblibTasks(FileTaskEngine):
    """Tasks through one `joblib.Parallel`."""

    worker_fields: Sequence[str] = WITH_THREAD

    def __init__(self, pool: str, spec: RunSpec, folder: Path, parallel: joblib.Parallel) -> None:
        super().__init__(folder)
        self.strategy = f"joblib {pool}"
        self.in_threads = pool == "threading"
        self.workers, self.threads = spec.workers, spec.threads
        self.parallel = parallel
        self.meetings = 0

    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        try:
            return list(self.parallel(joblib.delayed(threaded)(self.threads, function, *task) for task in tasks))
        except BrokenProcessPool as error:
            raise EngineError(how_workers_ended(str(error))) from None

    def place(self, array: Any) -> Any:
        return array if self.in_threads else super().place(array)

    def probe(self) -> list[dict[str, Any]]:
        """One report from every worker: tasks cannot be sent to a worker, so each waits until all have one."""
        self.meetings += 1
        folder = self.folder / f"meeting-{self.meetings}"
        folder.mkdir()
        reports = self.run(meet, [(str(folder), self.workers, self.in_threads)] * self.workers)
        return sorted(reports, key=lambda report: (report["pid"], report["thread"] or 0))


def how_workers_ended(message: str) -> str:
    """One line on the workers that have ended too early, from the message of loky's error."""
    found = CODES.search(message)
    ends = (
        [f"was killed by {name}" if name.startswith("SIG") else f"ended with {code}" for name, code in END.findall(found[1])]
        if found
        else []
    )
    return f"a joblib worker on this machine {ends[0] if ends else 'ended before its tasks did'}"


def meet(folder: str, workers: int, in_threads: bool) -> dict[str, Any]:
    """This worker's report, once all workers are here; raises EngineError when one does not come."""
    import sklearn.ensemble
    import sklearn.neural_network  # noqa: F401 - imported by all workers before anything is timed

    _, process, thread = own_key(in_threads)
    (Path(folder) / f"{process}-{thread}").touch()
    deadline = time.perf_counter() + MEET_S
    while len(list(Path(folder).iterdir())) < workers:
        if time.perf_counter() > deadline:
            raise EngineError(f"joblib was asked for {workers} workers and started fewer within {MEET_S:.0f} s")
        time.sleep(0.002)
    return probe() | {"thread": thread}


def stop_trackers() -> None:
    """Ends the two processes that clean up after this one if it is killed; otherwise they live a moment longer than it."""
    for tracker in (loky_tracker, tracker_of_python):
        tracker._stop()  # type: ignore[union-attr]  # typeshed leaves it out
