"""Independent tasks on any engine, which only has to run each of them in some worker; kinds `ensemble` and `search` use them."""

from __future__ import annotations

import os
import resource
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.estimators.run import WORKER_FIELDS, Engine
from manyhands.data.row_parts import write_array
from manyhands.errors import EngineError
from manyhands.machine import host_name
from manyhands.measure.memory import own_peak_rss_bytes
from manyhands.measure.phases import now
from manyhands.measure.worker_report import WorkerReport

Task = tuple[Any, ...]
"""The arguments of one call."""
TASK_WORKER_FIELDS = (*WORKER_FIELDS[:-1], "tasks", "busy_s", WORKER_FIELDS[-1])
"""Fields of a worker that a record keeps."""


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file that all workers can open; a task that gets one as an argument sees the array, mapped."""

    path: str

    def read(self) -> NDArray[Any]:
        """The array, mapped."""
        array: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array


class TaskEngine(Engine, ABC):
    """Independent tasks on one engine."""

    in_threads: bool = False
    """True when workers are threads of this process; a worker is then known by its thread, and its CPU time is the thread's."""
    threads: int = 1
    """Threads of each worker."""
    worker_fields: Sequence[str] = TASK_WORKER_FIELDS

    @abstractmethod
    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        """`function(*task)` of each task, run by the workers, in the order of `tasks`: the engine's own call and nothing else."""

    def place(self, array: NDArray[Any]) -> Any:
        """The argument that a task gets in place of `array`, so that no task carries rows: called in `load`, once for each array.

        May be the array (same process), an `ArrayFile`, or anything that `run` turns into the array before the call.
        """
        return array


class FileTaskEngine(TaskEngine):
    """Tasks whose rows are in files of the run's own folder: for workers on this machine, or with a shared file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.placed = 0

    def place(self, array: NDArray[Any]) -> ArrayFile:
        path = self.folder / f"array-{self.placed}.npy"
        self.placed += 1
        write_array(path, array)
        return ArrayFile(str(path))


def own_key(in_threads: bool) -> tuple[str, int, int | None]:
    """Host, process and, where workers are threads, thread of the calling worker: no other worker has the same."""
    return host_name(), os.getpid(), threading.get_native_id() if in_threads else None


def timed_task(function: Callable[..., Any], in_threads: bool, *arguments: Any) -> tuple[Any, dict[str, Any]]:
    """The result of `function`, and the report of this worker on the call, as plain values; every task runs this."""
    who = resource.RUSAGE_THREAD if in_threads else resource.RUSAGE_SELF
    began, before = now(), resource.getrusage(who)
    result = function(*(argument.read() if isinstance(argument, ArrayFile) else argument for argument in arguments))
    after = resource.getrusage(who)
    busy_s = now() - began
    host, pid, thread = own_key(in_threads)
    return result, {
        "host": host,
        "pid": pid,
        "thread": thread,
        "busy_s": busy_s,
        "cpu_user_s": after.ru_utime - before.ru_utime,
        "cpu_system_s": after.ru_stime - before.ru_stime,
        "peak_rss_bytes": own_peak_rss_bytes(),
    }


def run_timed(engine: TaskEngine, function: Callable[..., Any], tasks: Sequence[Task]) -> tuple[list[Any], list[WorkerReport]]:
    """The results of all tasks, and the report of each."""
    pairs = engine.run(timed_task, [(function, engine.in_threads, *task) for task in tasks])
    reports = [WorkerReport.from_dict(values) for _, values in pairs]
    if engine.in_threads and engine.threads > 1:  # CPU time of threads that a thread starts cannot be assigned to one worker
        reports = [replace(report, cpu_user_s=None, cpu_system_s=None) for report in reports]
    return [result for result, _ in pairs], reports


def threaded(threads: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` with the threads of the spec.

    Otherwise an engine's joblib would give the work inside a task one thread only, or send it to the workers again.
    """
    import joblib

    with joblib.parallel_config("threading", n_jobs=threads):
        try:
            return function(*arguments)
        except KeyboardInterrupt:  # joblib would raise it in the driver, as if that had been interrupted
            raise EngineError(f"a worker on this machine (pid {os.getpid()}) was interrupted by SIGINT") from None


WorkerKey = tuple[str, int | None, int | None]
"""Host, process and, where workers are threads, thread: no two workers have the same."""


def key_of(report: WorkerReport) -> WorkerKey:
    """The worker that a report is about."""
    return report.host, report.pid, report.thread


def by_worker(workers: Sequence[WorkerReport], tasks: Sequence[WorkerReport], rows: Sequence[int]) -> list[WorkerReport]:
    """One report for each worker, with the sums over its tasks; task i saw `rows[i]` rows.

    A worker that an engine started during the run takes the place of one that ran nothing.
    """
    found = {key_of(worker): _idle(worker) for worker in workers}
    for task, seen in zip(tasks, rows, strict=True):
        key = key_of(task)
        own = found.get(key) or _idle(WorkerReport(host=task.host, pid=task.pid, thread=task.thread))
        found[key] = replace(
            own,
            rows_seen=(own.rows_seen or 0) + seen,
            tasks=(own.tasks or 0) + 1,
            busy_s=_sum(own.busy_s, task.busy_s),
            cpu_user_s=_sum(own.cpu_user_s, task.cpu_user_s),
            cpu_system_s=_sum(own.cpu_system_s, task.cpu_system_s),
            peak_rss_bytes=max(own.peak_rss_bytes or 0, task.peak_rss_bytes or 0),
        )
    spare = len(found) - len(workers)
    left_out = [key for key, own in found.items() if not own.tasks][:spare]
    kept = [own for key, own in found.items() if key not in left_out]
    return [replace(own, train_split=dict(own.train_split) | {"compute_s": own.busy_s}) for own in kept]


def _idle(worker: WorkerReport) -> WorkerReport:
    """The report of a worker that has run no task yet."""
    return replace(worker, rows_seen=0, tasks=0, busy_s=0.0, cpu_user_s=0.0, cpu_system_s=0.0)


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
