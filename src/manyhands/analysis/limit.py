"""A cell of several workers beside its twin without any exchange: the share of that limit which it reaches, and what the rest is lost to.

The ideal time of n workers is that of the base line over n. A cell takes longer, for three reasons, in seconds of `train`:

    exchange          the cell - the limit
    smaller batches   the limit's steps, made by one worker alone on the machine - the base line over n
    the machine       the limit - these steps: the workers share memory, caches and clock speed

Their sum is the time that the cell lost. A part may be below 0, such as that of the machine when the workers' own caches hold more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from manyhands.analysis.cells import CELL, Cell, Group
from manyhands.analysis.launch_model import fit_cells
from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import base_line, cores, rows, throughputs
from manyhands.analysis.spread import finite_or_none, mean
from manyhands.record import Record


@dataclass(frozen=True)
class Lost:
    """The seconds of `train` that a cell needs beyond the base line's over its workers, and their parts."""

    ideal_s: float
    """The base line's time over so many workers."""
    all_s: float
    exchange_s: float
    small_batches_s: float | None
    """None where a step of one worker alone was not measured."""
    machine_s: float | None


@dataclass(frozen=True)
class Reached:
    """The distance of a cell from its limit."""

    share: Ratio
    """The cell's rows a second over the limit's: 1 when the exchange costs nothing."""
    lost: Lost | None
    """None without a base line."""


def reached(group: Group) -> dict[int, Reached]:
    """Identity of a cell -> how close it comes to its limit, for the cells of the group that have one."""
    cells = [cell for cell in (*group.cells, *group.limits) if cell.measured]
    base, launches = base_line(group), throughputs(cells, "train")
    found = {}
    for cell in group.cells:
        limit = next((one for one in group.limits if one.measured and _twin(one) == _twin(cell)), None)
        fit = fit_cells(cells, limit, launches) if limit and cell.measured else None
        share = fit.speedup(cell) if fit else None
        if fit and limit and share:
            of_base = replace(fit, base=base).speedup if base in fit.cells else None
            speed = (of_base(cell), of_base(limit)) if of_base else (None, None)
            found[id(cell)] = Reached(share, _lost(cell, limit, base, speed))
    return found


def _twin(cell: Cell) -> tuple[str, ...]:
    """The fields of the spec that a cell shares with its limit."""
    spec = cell.records[0].spec
    nodes = int(spec.get("nodes", 1))
    return tuple(str(spec.get(name)) for name in CELL if name != "sync" and not (name == "address" and nodes > 1))


def _lost(cell: Cell, limit: Cell, base: Cell | None, speed: tuple[Ratio | None, Ratio | None]) -> Lost | None:
    own, bound = speed
    whole = _seconds_a_row(base) if base else None
    work = mean(rows(record) or 1.0 for record in cell.measured)
    if base is None or own is None or bound is None or whole is None or work is None:
        return None
    base_s = whole * work
    ideal_s, cell_s, limit_s = base_s * cores(base) / cores(cell), base_s / own.value, base_s / bound.value
    alone_s = _alone_s(limit.measured, work)
    return Lost(
        ideal_s=ideal_s,
        all_s=cell_s - ideal_s,
        exchange_s=cell_s - limit_s,
        small_batches_s=None if alone_s is None else alone_s - ideal_s,
        machine_s=None if alone_s is None else limit_s - alone_s,
    )


def _seconds_a_row(cell: Cell) -> float | None:
    return mean(
        taken / (rows(record) or 1.0)
        for record in cell.measured
        if (taken := finite_or_none(record.phases.get("train_s"))) is not None
    )


def _alone_s(records: Sequence[Record], work: float) -> float | None:
    """Seconds that one worker alone on the machine takes for the steps of a run of `work` rows."""
    found = []
    for record in records:
        step_s = finite_or_none((record.resolved.get("sync") or {}).get("alone_step_s"))
        trained = finite_or_none(record.resolved.get("steps_trained"))
        steps = trained or (record.resolved.get("steps_per_epoch") or 0) * (record.spec.get("epochs") or 1)
        if step_s and steps:
            found.append(step_s * steps * work / (rows(record) or work))
    return mean(found)
