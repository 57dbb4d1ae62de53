"""The metrics of every launch: time, CPU time, peak memory and quality. Each is one number with a known bad direction."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from manyhands.analysis.cells import memory_layout
from manyhands.analysis.targets import is_error
from manyhands.analysis.yardstick import identity, moments
from manyhands.errors import UsageError
from manyhands.record import Record

Metric = Literal["time", "cpu", "memory", "quality"]
METRICS: tuple[Metric, ...] = ("time", "cpu", "memory", "quality")


def chosen_metrics(names: Sequence[str]) -> tuple[str, ...]:
    """The metrics to judge; raises UsageError when there is none, or one that does not exist."""
    if not names or not set(names) <= set(METRICS):
        raise UsageError(f"{','.join(names)!r} is not a list of {', '.join(METRICS)}")
    return tuple(names)


WORDS: Mapping[str, tuple[str, str]] = {
    "time": ("slower", "faster"),
    "cpu": ("more CPU time", "less CPU time"),
    "memory": ("more memory", "less memory"),
    "quality": ("worse quality", "better quality"),
    "instructions": ("more instructions", "fewer instructions"),
}
"""Metric -> the words for worse and better."""

EXACT = 0.005
"""Instruction counts with a ratio within 1 + this and 1 / (1 + this) are the same."""


@dataclass(frozen=True)
class Sample:
    """One launch: the seconds of its epochs, if it has any, and the values of its metrics."""

    values: Mapping[str, float]
    """Metric -> value; `time` only without a series. Lower is better for all metrics."""
    series: tuple[float, ...] = ()
    """Seconds of each epoch: the raw values of `time`."""
    others: float = 0.0
    """Average number of cores that other programs used during the launch."""
    stolen: float = 0.0
    """Average number of cores that the host of a virtual machine withheld."""
    wall_s: float = 0.0
    yardstick: tuple[float, ...] = ()
    """Seconds of the yardstick before the first epoch and after each; empty without one."""
    measured_with: str = ""
    """The yardstick and the libraries below it: ratios to two different ones are never compared."""
    layout: str = ""
    """The memory layout that the workers had; empty when it is not known."""


def sample(record: Record, quality: str, others: float, stolen: float) -> Sample:
    """The sample of one measured record. `quality`: name of the workload's quality metric."""
    ends = [epoch["elapsed_s"] for epoch in record.history if epoch.get("elapsed_s") is not None]
    series = tuple(end - begin for begin, end in zip([0.0, *ends], ends, strict=False))
    values: dict[str, float] = {}
    if not series and record.phases.get("train_s"):
        values["time"] = float(record.phases["train_s"] or math.nan)
    used = [
        float(worker["cpu_user_s"]) + float(worker.get("cpu_system_s") or 0.0)
        for worker in record.per_worker
        if worker.get("cpu_user_s")
    ]
    cpu = sum(used) if used and len(used) == len(record.per_worker) else record.resources.get("cpu_s")
    if cpu:
        values["cpu"] = float(cpu)
    peaks = [float(worker["peak_rss_bytes"]) for worker in record.per_worker if worker.get("peak_rss_bytes")]
    # The kernel knows the exact peak of one process; a process tree has only samples, which miss short peaks in some launches.
    peak = sum(peaks) if peaks and len(peaks) == len(record.per_worker) else record.resources.get("peak_pss_bytes")
    if peak:
        values["memory"] = float(peak)
    score = record.quality.get(quality)
    if isinstance(score, int | float) and math.isfinite(score):
        values["quality"] = as_error(quality, float(score))
    wall_s = float(record.wall_s or 0.0)
    return Sample(values, series, others, stolen, wall_s, moments(record), identity(record), memory_layout(record))


def as_error(name: str, value: float) -> float:
    """A quality as an error, so that lower is better and ratios make sense: errors stay, scores are inverted.

    A score of 0.95 becomes 1 / 0.95: a loss of 5 % of the score counts as much as 5 % more time.
    """
    return value if is_error(name) else 1 / max(value, 1e-9)
