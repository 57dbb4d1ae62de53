"""The cells of a figure of a study -> the speed-up of one over another, by the launch model of all its cells that may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from manyhands.analysis.cells import Cell, differences, group_records
from manyhands.analysis.launch_model import fit_cells
from manyhands.analysis.measured import Measured
from manyhands.analysis.ratios import LaunchValue
from manyhands.analysis.scaling import block, engine, rows
from manyhands.analysis.spread import finite_or_none
from manyhands.record import Record
from manyhands.studies.study import Figure

Records = Sequence[Record]


def speedup_of(figure: Figure, base: Records, cell: Records, others: Sequence[Records]) -> Measured:
    """The cell's speed-up over the base in the figure's time. `others`: all cells of the figure, which tell about the spread too."""
    if apart := elsewhere(base, cell):
        return Measured(None, note=f"not compared: {apart}")
    compared = [base[0].id, cell[0].id]
    used = [base, cell, *(other for other in others if other[0].id not in compared and not elsewhere(base, other))]
    by_rows = all(rows(record) is not None for records in used for record in records)
    cells = [_cell(records) for records in used]
    fit = fit_cells(cells, cells[0], [_launches(figure, records, by_rows) for records in used])
    found = fit.speedup(cells[1]) if fit else None
    if fit is None or found is None:
        return Measured(None, note=f"{' + '.join(figure.time)} was not measured")
    return Measured(found.value, found.low, found.high, launches=found.launches, error=fit.error(cells[1]))


def apart(records: Records) -> str:
    """The differences that forbid averaging the records of one cell; empty without differences."""
    found = differences(group_records(records))
    return "; ".join(f"{name} {' / '.join(values)}" for name, values in found.items())


def elsewhere(base: Records, cell: Records) -> str:
    """The differences in machine, versions and code between two cells; empty without differences."""
    return apart([replace(record, spec={"workload": "any"}, data={}) for record in (*base, *cell)])


def _cell(records: Records) -> Cell:
    spec = records[0].spec
    return Cell(str(spec.get("backend")), int(spec.get("workers", 1)), int(spec.get("threads", 1)), "", tuple(records))


def _launches(figure: Figure, records: Records, by_rows: bool) -> list[LaunchValue]:
    found = []
    for record in records:
        taken = _seconds(figure.time, record)
        if taken is not None:
            work = (rows(record) if by_rows else None) or 1.0
            found.append(LaunchValue(block(record), work / (taken + figure.plus_s), engine(record)))
    return found


def _seconds(time: Sequence[str], record: Record) -> float | None:
    """The sum of the named times of a run; None when one was not measured, or when the sum is 0."""
    spans = {"wall": record.wall_s, "predict": record.resolved.get("predict_s")}
    taken = [finite_or_none(spans[name] if name in spans else record.phases.get(f"{name}_s")) for name in time]
    known = [seconds for seconds in taken if seconds is not None]
    return sum(known) if len(known) == len(taken) and sum(known) > 0 else None
