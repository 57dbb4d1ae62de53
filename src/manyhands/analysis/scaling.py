"""The base line of a group, and the throughput of every launch of its cells; `launch_model` makes speed-ups of them.

The base line is `serial` with one worker and the fewest threads. Speed-up is a ratio of throughputs (rows a second), so it has the
same meaning for fixed work and for work that grows with the workers.
"""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.core_hours import whole_run_s
from manyhands.analysis.disturbed import Time as Time
from manyhands.analysis.ratios import LaunchValue, Ratio
from manyhands.analysis.spread import Estimate, finite_or_none
from manyhands.record import BASE_LINE, Record


def base_line(group: Group) -> Cell | None:
    """The cell that all others are compared with; None when the group has no measured `serial` with one worker."""
    serial = [cell for cell in group.cells if cell.backend == BASE_LINE and cell.workers == 1 and cell.measured]
    return min(serial, key=lambda cell: cell.threads, default=None)


def efficiency(speedup: Ratio, base: Cell, cell: Cell) -> Estimate:
    """Speed-up per core: 1 when n times as many threads, over all workers, give n times the speed."""
    share = cores(base) / cores(cell)
    low, high = (None if bound is None else bound * share for bound in (speedup.low, speedup.high))
    return Estimate(speedup.value * share, low, high)


def cores(cell: Cell) -> int:
    """The number of cores that the cell can use: workers x threads."""
    return cell.workers * cell.threads


def throughputs(cells: Sequence[Cell], time: Time) -> list[list[LaunchValue]]:
    """Rows a second of every launch of every cell; runs a second when one of the records lacks its rows."""
    by_rows = all(rows(record) is not None for cell in cells for record in cell.measured)
    return [_launches(cell.measured, time, by_rows) for cell in cells]


def seconds(record: Record, time: Time) -> float | None:
    """The chosen time of a run; None when it was not measured completely, or is not above 0.

    A script without marks has no phase that means the same on every engine, so its whole run is compared.
    """
    time = "wall" if record.resolved.get("marks") is False else time
    value = whole_run_s(record) if time == "wall" else finite_or_none(record.phases.get("train_s"))
    return value if value is not None and value > 0 else None


def rows(record: Record) -> float | None:
    """Training rows in all epochs of all workers together; None when the record lacks them."""
    if trained := finite_or_none(record.resolved.get("rows_trained")):
        return trained
    epochs = finite_or_none(record.spec.get("epochs")) or 1.0
    resolved = finite_or_none(record.resolved.get("rows_per_epoch"))
    if resolved:
        return resolved * epochs
    asked = finite_or_none(record.spec.get("samples"))
    growth = record.spec.get("workers", 1) if record.spec.get("scaling") == "growing" else 1
    return asked * growth * epochs if asked else None


def timed_share(record: Record) -> float:
    """The share of a script's marked steps that the phase `train` has: the other ones are its warm-up. 1 for all other runs."""
    steps, warmup = record.resolved.get("steps"), record.resolved.get("warmup_steps")
    return (steps - warmup) / steps if steps and warmup and steps > warmup else 1.0


def compared_time(group: Group, time: Time) -> Time:
    """The time by which the cells of a group are really compared: the whole run for scripts without marks, see `seconds`."""
    return "wall" if any(record.resolved.get("marks") is False for record in group.measured) else time


def block(record: Record) -> tuple[str, int]:
    """The block of a launch; launches of one block ran close together. A record without a block gets a block of its own."""
    invocation = record.plan.get("id")
    return (str(invocation) if invocation else f"record {record.id}", int(record.spec.get("repeat", 0)))


def engine(record: Record) -> str:
    """The engine that served this run and others; empty for a run with processes of its own."""
    return str(record.resolved.get("engine") or "")


def _launches(records: Sequence[Record], time: Time, by_rows: bool) -> list[LaunchValue]:
    found = []
    for record in records:
        taken = seconds(record, time)
        if taken is not None:
            work = (rows(record) if by_rows else None) or (timed_share(record) if time == "train" else 1.0)
            value = work / taken
            found.append(LaunchValue(block(record), value, engine(record)))
    return found
