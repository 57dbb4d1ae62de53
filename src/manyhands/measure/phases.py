"""Contiguous spans of time on one host's monotonic clock.

A worker laps a `PhaseClock`; `combine` makes one set of phases out of the workers' own and the outer wall time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from manyhands.record import PHASES, TRAIN_SPLIT

if TYPE_CHECKING:
    from manyhands.measure.worker_report import WorkerReport

now = time.perf_counter
"""Seconds on a clock that all processes of one host share; never compared between hosts."""


class PhaseClock:
    """Charges the time since the last lap to the phase that has just ended, so nothing falls between two phases."""

    def __init__(self, synchronize: Callable[[], None] = lambda: None) -> None:
        self._synchronize = synchronize
        self.seconds: dict[str, float] = {}
        self.started = self._mark = now()

    def lap(self, phase: str) -> float:
        """Ends `phase` now and returns the seconds it took; a phase may be lapped more than once and adds up."""
        self._synchronize()
        mark = now()
        span, self._mark = mark - self._mark, mark
        self.seconds[phase] = self.seconds.get(phase, 0.0) + span
        return span

    @property
    def phases(self) -> dict[str, float]:
        """`<phase>_s` -> seconds, in the order in which the phases were first lapped."""
        return {f"{phase}_s": seconds for phase, seconds in self.seconds.items()}

    @property
    def ended(self) -> float:
        """Time at which the last lap ended."""
        return self._mark


def combine(
    workers: Sequence[WorkerReport], clock: str, started: float, received: float, ended: float
) -> dict[str, float | None]:
    """The run's phases in seconds, from the workers' reports and the driver's clock, whose name is `clock`.

    `started`, `received`, `ended`: the times at which the fresh process was started, had the workers' results, and was gone with
    all that it started. Inner phases are the slowest worker's. With all workers on the driver's host, `launch` ends when the last
    worker passes its first barrier. Otherwise `launch` is the rest of the wall time, because clocks of two hosts are never subtracted.
    """
    phases: dict[str, float | None] = dict.fromkeys((f"{phase}_s" for phase in PHASES), None)
    for name in phases:
        values = [seconds for worker in workers if (seconds := worker.phases.get(name)) is not None]
        phases[name] = max(values, default=None)
    here = [worker for worker in workers if worker.clock == clock]
    last = max((worker.ended for worker in here if worker.ended is not None), default=received)
    phases["teardown_s"] = ended - last
    if len(here) == len(workers):
        phases["launch_s"] = max(worker.started for worker in here if worker.started is not None) - started
    else:
        inner = sum(seconds for seconds in phases.values() if seconds is not None)
        phases["launch_s"] = ended - started - inner
    return phases


def slowest_split(workers: Sequence[WorkerReport]) -> dict[str, float | None]:
    """The split of `train` of the worker that was busy longest: the one that the others waited for."""

    def busy(worker: WorkerReport) -> float:
        return sum(worker.train_split.get(f"{part}_s") or 0.0 for part in ("compute", "input"))

    slowest = max(workers, key=busy).train_split
    return {f"{part}_s": slowest.get(f"{part}_s") for part in TRAIN_SPLIT}
