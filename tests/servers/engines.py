"""Set-up that the tests of several engines share: small specs, runs as a user starts them, their processes, and the kill of one.

`kill_when_busy` ends a process of a run from a thread beside it. An error in that thread, and a run in which the thread killed
no process, fail the test.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyhands.backends.base import Backend
from manyhands.errors import Unavailable
from manyhands.plan import RunSpec
from manyhands.record import Record, read_records
from manyhands.reuse import measure_in_one_engine
from manyhands.run import RunContext, measure

LOOK_S = 0.1
"""Seconds between two looks at what a test waits for."""
Find = Callable[[], Sequence[psutil.Process]]
MARKING = f"{Path(__file__).parents[1] / 'backends' / 'uneven_nets.py'}:Marking"
"""A network whose ranks each leave a file in the folder of its setting `marks` once they train."""


def skip_without(backend: type[Backend]) -> None:
    """Skips the test where the engine's library is missing, with the command that installs it."""
    try:
        backend.require()
    except Unavailable as error:
        pytest.skip(str(error))


def free_port() -> int:
    """A port of loopback on which no process listens now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_until(holds: Callable[[], object], reason: Callable[[], str] | str = "", patience_s: float = 120) -> None:
    """Returns once `holds()` is true; after `patience_s` the test fails with `reason`, or with what that returns."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"not so after {patience_s:g} s: {reason() if callable(reason) else reason or holds.__qualname__}")
        time.sleep(LOOK_S)


def wait_for_line(words: str, log: Path, process: subprocess.Popen[bytes], patience_s: float = 120) -> None:
    """Returns once `words` are in the log of a process; the test fails with the log when the process ends before."""

    def found() -> bool:
        if process.poll() is not None:
            pytest.fail(f"ended with {process.returncode}: {log.read_text()}")
        return words in log.read_text()

    wait_until(found, log.read_text, patience_s)


def small_spec(backend: str, **changes: Any) -> RunSpec:
    """Two workers of `backend` train on 512 windows, with these changes."""
    common = {"workload": "rnn", "backend": backend, "workers": 2, "samples": 512, "timeout_s": 200.0}
    return RunSpec.from_dict(common | changes)


def endless_spec(backend: str, marks: Path, **changes: Any) -> RunSpec:
    """`small_spec` with a training that does not end by itself; `training` shows when it has begun."""
    return small_spec(backend, **{"workload": MARKING, "epochs": 10_000, "settings": {"marks": str(marks)}} | changes)


def training(marks: Path, ranks: int = 2) -> bool:
    """True once so many ranks of `MARKING` have trained for an epoch."""
    return len(list(marks.glob("rank-*"))) >= ranks


def ranks_in_training(marks: Path) -> list[psutil.Process]:
    """The processes of the ranks of `MARKING` that train, in order of rank."""
    return [psutil.Process(int(mark.read_text())) for mark in sorted(marks.glob("rank-*"))]


def measured(spec: RunSpec, folder: Path) -> Record:
    """The record of a run that is ok and ended by itself; its logs are in `folder`."""
    record = measure(spec, RunContext(log_folder=folder))
    if not record.ok:
        pytest.fail(f"{spec.label}: {record.reason}")
    if "ended_by_force" in record.resources:
        pytest.fail(f"{spec.label}: ended by force: {record.resources['ended_by_force']}")
    return record


def in_one_engine(
    specs: Sequence[RunSpec], folder: Path, ended: Callable[[Sequence[Record]], None] = lambda records: None
) -> list[Record]:
    """The records of runs that share one started engine, in order; all are ok, and the engine ended by itself after the last one.

    `ended` is called soon after each run, with the records so far.
    """
    records: list[Record] = []

    def keep(record: Record) -> None:
        records.append(record)
        ended(records)

    measure_in_one_engine([replace(spec, reuse_engine=True) for spec in specs], RunContext(log_folder=folder), 0, keep)
    for record in records:
        if not record.ok:
            pytest.fail(f"{record.spec['workload']}: {record.reason}")
        if "ended_by_force" in record.resources:
            pytest.fail(f"ended by force: {record.resources['ended_by_force']}")
    assert [record.resolved["engine_stop_s"] is None for record in records] == [True] * (len(records) - 1) + [False]
    return records


def run_as_user(
    out: Path, workload: str, backend: str, *options: str, environ: Mapping[str, str] | None = None, timeout_s: float = 400
) -> Record:
    """The last record in `out` after `manyhands run` in a process of its own, so that no engine of this test is part of the run."""
    command = [sys.executable, "-m", "manyhands", "run", workload, "--backend", backend, "--repeats", "1", "--out", str(out)]
    done = subprocess.run(
        [*command, *options],
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    if not out.exists():
        pytest.fail(f"the run wrote no record: {done.stderr}")
    return read_records(out)[-1]


def descendants(word: str, of: int | None = None) -> list[psutil.Process]:
    """The processes below this one, or below the process `of`, that have `word` in an argument of their command line, in order of their start."""
    found = []
    for process in psutil.Process(of).children(recursive=True):
        try:
            if any(word in argument for argument in process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess, psutil.AccessDenied):
            continue
    return found


@dataclass
class Killed:
    """The process that was killed beside a run."""

    pid: int = 0
    at: float | None = None
    """The moment of `time.monotonic` at which it was killed."""
    ended: float | None = None
    """The moment at which the run ended."""

    @property
    def ended_after_s(self) -> float:
        """Seconds from the kill to the end of the run; fails the test when no process was killed."""
        if self.at is None or self.ended is None:
            pytest.fail("no process was killed")
        return self.ended - self.at


@contextmanager
def killing(victim: Callable[[], psutil.Process | None], ready: Callable[[], bool] = lambda: True) -> Iterator[Killed]:
    """Kills the first process that `victim` returns once `ready()` is true, while the block runs; the block is the run alone.

    A look that ends with an error of psutil or of a command that it starts is made again: a process may end while it is looked
    at. Any other error ends the thread. Both fail the test when no process was killed.
    """
    killed, over, errors = Killed(), threading.Event(), list[BaseException]()

    def look() -> bool:
        process = victim() if ready() else None
        if process:
            at = time.monotonic()
            process.kill()
            killed.pid, killed.at = process.pid, at
        return process is not None

    def kill() -> None:
        while not over.wait(LOOK_S):
            try:
                if look():
                    return
                errors.clear()
            except (psutil.Error, subprocess.SubprocessError) as error:
                errors[:] = [error]
            except BaseException as error:
                errors[:] = [error]
                return

    thread = threading.Thread(target=kill, name="kills a process of the run")
    thread.start()
    try:
        yield killed
        killed.ended = time.monotonic()
    finally:
        over.set()
        thread.join()
    if killed.at is None:
        if errors:
            raise AssertionError(f"no process was killed: {errors[0]!r}") from errors[0]
        pytest.fail("no process was killed: the run ended before one was found at work")


def kill_when_busy(find: Find, count: int, cpu_s: float, victim: int = 0) -> AbstractContextManager[Killed]:
    """Kills the `victim`-th of the processes that `find` returns, once `count` of them have used more than `cpu_s` of CPU time.

    CPU time, not seconds since the start: on a busy machine a process imports for longer. To be used as `killing` is.
    """

    def choose() -> psutil.Process | None:
        busy = [process for process in find() if process.cpu_times().user > cpu_s]
        return busy[victim] if len(busy) >= count else None

    return killing(choose)


def kill_in_training(find: Find, marks: Path, ranks: int = 2, victim: int = 0) -> AbstractContextManager[Killed]:
    """Kills the `victim`-th of the processes that `find` returns, once so many ranks of `MARKING` train; used as `killing` is."""

    def choose() -> psutil.Process | None:
        found = find()
        return found[victim] if len(found) > victim else None

    return killing(choose, lambda: training(marks, ranks))
