"""The cost of a speed-up: core-hours and CPU-seconds of a run, and the serial fraction that the speed-up implies."""

from __future__ import annotations

from manyhands.analysis.ratios import Ratio
from manyhands.analysis.spread import Estimate, finite_or_none
from manyhands.record import Record


def whole_run_s(record: Record) -> float | None:
    """Wall time with launch and teardown; None when not measured, or when the engine was shared with other runs."""
    return None if record.resolved.get("engine") else finite_or_none(record.wall_s)


def core_hours(record: Record) -> float | None:
    """Reserved cores (workers x threads) times hours of wall time, busy or not; None when the wall time is not known."""
    wall_s = whole_run_s(record)
    return None if wall_s is None else record.spec.get("workers", 1) * record.spec.get("threads", 1) * wall_s / 3600


def cpu_seconds(record: Record) -> float | None:
    """Seconds of busy cores in the whole process tree; None when not measured."""
    return finite_or_none(record.resources.get("cpu_s"))


def serial_fraction(speedup: Ratio, cores: float) -> Estimate | None:
    """Karp-Flatt metric, the apparent serial share of the work: (1/S - 1/p) / (1 - 1/p); None for p <= 1.

    S is the speed-up with p times the cores. A fraction that is constant over p indicates serial work; a fraction that grows
    indicates overhead (communication, start, imbalance). Below 0 the speed-up is more than linear, for example through caches. The
    metric has no meaning when the work grows with the workers. None also when its interval contains all of 0 to 1: it says nothing
    then. Source: Karp and Flatt 1990, doi:10.1145/78607.78614.
    """
    if cores <= 1:
        return None
    low, high = (_fraction(bound, cores) if bound else None for bound in (speedup.high, speedup.low))
    found = Estimate(_fraction(speedup.value, cores), low, high)
    return None if may_be_any_share(found) else found


def may_be_any_share(fraction: Estimate) -> bool:
    """True when the interval of a serial fraction contains all of 0 to 1, so that it says nothing."""
    return fraction.low is not None and fraction.high is not None and fraction.low <= 0 and fraction.high >= 1


def core_hours_ratio(whole_run: Ratio, cores: float, rows: float = 1.0) -> Estimate:
    """The core-hours of a cell over those of the base line.

    `whole_run`: speed-up of the whole run; `cores` and `rows`: the cell's over the base line's.
    """
    worth = cores * rows
    low, high = (worth / bound if bound else None for bound in (whole_run.high, whole_run.low))
    return Estimate(worth / whole_run.value, low, high)


def _fraction(speedup: float, cores: float) -> float:
    return (1 / speedup - 1 / cores) / (1 - 1 / cores)
