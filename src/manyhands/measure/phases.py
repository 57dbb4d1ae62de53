"""Contiguous spans of time on one host's monotonic clock.

A worker laps a `PhaseClock`; `combine` makes one set of phases out of the workers' own and the outer wall time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from manyhands.record import PHASES, TRAIN_SPLIT

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
    def ended(self) -> float:
        """When the last lap ended."""
        return self._mark


def combine(
    workers: Sequence[Mapping[str, Any]], clock: str, started: float, received: float, ended: float
) -> dict[str, float | None]:
    """The run's phases in seconds from the workers' reports and the driver's own clock, which is `clock`.

    `started`, `received`, `ended`: when the fresh process was started, when it had the workers' results, when everything
    was gone. Inner phases are the slowest worker's. On the driver's own host launch ends when the last worker passed its
    first barrier; for workers elsewhere launch is what the other phases leave, because two hosts' clocks are never subtracted.
    """
    phases: dict[str, float | None] = dict.fromkeys((f"{phase}_s" for phase in PHASES), None)
    for name in phases:
        values = [worker["phases"][name] for worker in workers if worker["phases"].get(name) is not None]
        phases[name] = max(values, default=None)
    here = [worker for worker in workers if worker["clock"] == clock]
    last = max(worker["ended"] for worker in here) if here else received
    phases["teardown_s"] = ended - last
    if len(here) == len(workers):
        phases["launch_s"] = max(worker["started"] for worker in here) - started
    else:
        inner = sum(seconds for seconds in phases.values() if seconds is not None)
        phases["launch_s"] = ended - started - inner
    return phases


def slowest_split(workers: Sequence[Mapping[str, Any]]) -> dict[str, float | None]:
    """The split of `train` of the worker that was busy longest, i.e. the one the others waited for."""

    def busy(worker: Mapping[str, Any]) -> float:
        return sum(worker["train_split"].get(f"{part}_s") or 0.0 for part in ("compute", "input"))

    slowest = max(workers, key=busy)["train_split"]
    return {f"{part}_s": slowest.get(f"{part}_s") for part in TRAIN_SPLIT}
