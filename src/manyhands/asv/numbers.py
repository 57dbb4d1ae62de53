"""The benchmarks that a class of a suite gets: each reads one number from the records in the cache of its class, or launches a cell.

They are functions, and not methods of `Cells`: asv takes every class that a suite imports for one of the suite's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any

from manyhands.asv.settings import Settings, is_checked, key

if TYPE_CHECKING:
    from manyhands.analysis.disturbed import Time
    from manyhands.record import Record

Cached = Mapping[str, Sequence["Record"]]
"""The key of each cell -> the records of its launches, or of its being left out."""
Benchmark = Callable[[Any, Cached, str, int], Any]


def track_wall_s(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """Seconds of a whole launch: from the start of its process until all its processes have ended."""
    return faster_half(cached[key(backend, workers)], lambda record: record.wall_s, "wall")


def track_train_s(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """Seconds of the phase train. For networks `track_train_ratio` differs less from run to run."""
    return faster_half(cached[key(backend, workers)], train_s)


def track_speedup(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """Speed-up of the phase train over the base line, whose own is 1; more is better."""
    base = cached[self._settings.base]
    if left_out(base):
        return math.nan
    return faster_half(base, train_of_all_steps_s) / faster_half(cached[key(backend, workers)], train_of_all_steps_s)


def track_peak_memory(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """Bytes of all processes of a launch together at their peak, shared pages counted once (PSS)."""
    return middle(cached[key(backend, workers)], lambda record: record.resources.get("peak_pss_bytes"))


def track_quality(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """The metric of the workload on held-out rows; of your own training, the first that it gives."""
    return middle(cached[key(backend, workers)], lambda record: quality(record, self._settings.workload.quality))


def track_step_ms(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """Milliseconds of one step in the phase train."""
    from manyhands.analysis.summary import step_ms

    return faster_half(cached[key(backend, workers)], step_ms)


def track_train_ratio(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """The time of an epoch over that of the yardstick, a fixed program timed between the epochs: what slows both cancels."""
    from manyhands.analysis.yardstick import train_ratio

    return faster_half(cached[key(backend, workers)], train_ratio)


def track_train_scatter(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """The scatter of the launches of this commit: the standard deviation of the logarithm of `track_train_ratio`, or of
    `track_train_s` without a yardstick, in percent. NaN for a single launch."""
    from manyhands.analysis.spread import spread
    from manyhands.analysis.yardstick import train_ratio

    records = cached[key(backend, workers)]
    found = spread(map(math.log, values(records, train_ratio) or values(records, train_s)))
    return 100 * found.sd if found and found.sd is not None else math.nan


def track_loss(self: Any, cached: Cached, backend: str, workers: int) -> float:
    """The loss of the last epoch: less is better, as asv takes it for every benchmark."""
    return middle(cached[key(backend, workers)], lambda record: record.history[-1]["loss"])


def time_launch(self: Any, cached: Cached, backend: str, workers: int) -> None:
    """One more launch of a cell that did not fail, timed by asv, without the wait for another measured run on this machine."""
    from manyhands.plan import RunSpec
    from manyhands.run import RunContext, measure

    records, asked = cached[key(backend, workers)], perf_counter()
    check_ok(records)
    first = records[0]

    def starts(spec: RunSpec) -> None:
        self._waited_s += perf_counter() - asked

    context = RunContext(machine=first.machine, versions=first.versions, code=first.code, gather=starts)
    check_ok([measure(RunSpec.from_dict(first.spec), context)])


UNITS: Mapping[Benchmark, str] = {
    time_launch: "seconds",
    track_wall_s: "seconds",
    track_train_s: "seconds",
    track_train_scatter: "percent",
    track_speedup: "times",
    track_peak_memory: "bytes",
}
"""Benchmark of every workload -> its unit, as asv writes it."""
UNITS_OF_NETWORKS: Mapping[Benchmark, str] = {track_train_ratio: "yardsticks", track_step_ms: "ms", track_loss: "loss"}

OVER_THE_YARDSTICK = (track_train_ratio, track_train_scatter)
"""Benchmarks whose values change with the yardstick."""


def benchmarks_of(settings: Settings) -> dict[Benchmark, str]:
    """The benchmarks of a workload, with their units. In a process that measures, those of every workload: asv asks for one by its name."""
    if is_checked():
        return {**UNITS, track_quality: "metric", **UNITS_OF_NETWORKS}
    workload = settings.workload
    steps = UNITS_OF_NETWORKS if workload.in_epochs else {}
    return {**UNITS, track_quality: workload.quality or "metric", **steps}


def faster_half(records: Sequence[Record], value: Callable[[Record], float | None], time: Time = "train") -> float:
    """The mean over the faster half of the launches; NaN when it was not measured. Raises RuntimeError for a failed launch.

    Other programs can only make a launch slower. docs/results/history.md compares this with medians and means.
    """
    from manyhands.analysis.yardstick import lower_half

    return lower_half(found) if (found := values(records, value, time)) else math.nan


def middle(records: Sequence[Record], value: Callable[[Record], float | None]) -> float:
    """The median over the launches; NaN, which asv shows as n/a, when it was not measured. Raises RuntimeError for a failed launch."""
    return median(found) if (found := values(records, value)) else math.nan


def values(records: Sequence[Record], value: Callable[[Record], float | None], time: Time = "train") -> list[float]:
    """The value of every launch that has one and that other programs did not disturb in this time; raises RuntimeError for a failed one."""
    from manyhands.analysis.disturbed import quiet

    check_ok(records)
    return [found for record in quiet(records, time) if (found := value(record)) is not None]


def check_ok(records: Sequence[Record]) -> None:
    """Raises RuntimeError with the reason when a launch failed."""
    for record in records:
        if not record.ok:
            raise RuntimeError(record.reason)


def left_out(records: Sequence[Record]) -> str | None:
    """The reason why a cell is not run here; None when it is run."""
    return next((record.reason for record in records if record.status == "skipped"), None)


def train_s(record: Record) -> float | None:
    """Seconds of the phase train; None for a script without marks, whose phase has all that follows its launch."""
    return None if record.resolved.get("marks") is False else float(record.phases["train_s"] or math.nan)


def train_of_all_steps_s(record: Record) -> float | None:
    """Seconds of the phase train; of a script, as if it had no warm-up steps, whose share differs with the number of steps."""
    from manyhands.analysis.scaling import timed_share

    seconds = train_s(record)
    return None if seconds is None else seconds / timed_share(record)


def quality(record: Record, metric: str) -> float | None:
    """The value of the metric; without a name, the first number that the record has."""
    if metric:
        return record.quality.get(metric)
    return next((float(value) for value in record.quality.values() if isinstance(value, int | float)), None)
