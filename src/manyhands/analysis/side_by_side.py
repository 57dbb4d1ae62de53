"""A study and its records -> every published figure with the measured values beside it, for each variant.

Seconds of different machines are never compared: a time is a ratio of two times from one machine. Records that must not be
averaged give no value, but the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from manyhands.analysis.figure_speed import apart, speedup_of
from manyhands.analysis.measured import Measured, difference_of, mean_of, ratio_of
from manyhands.analysis.spread import finite_or_none
from manyhands.record import Record
from manyhands.studies.study import VARIANTS, Figure, FigureCell, Row, Study

Found = tuple[list[Record], str]
"""The measured records of a cell and a note about them; or no records, and the reason."""


@dataclass(frozen=True)
class Line:
    """One published number and the measured values."""

    row: Row
    by_variant: Mapping[str, Measured]
    """Variant -> measured value; only for the variants that were run."""
    change: Measured | None
    """The change from as-published to corrected: a ratio of speed-ups, or a difference of qualities; None unless both exist."""


@dataclass(frozen=True)
class FigureComparison:
    """One figure of a study."""

    figure: Figure
    lines: tuple[Line, ...]


def study_records(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Name of a study -> its records, in the given order."""
    found: dict[str, list[Record]] = {}
    for record in records:
        if record.study.get("name"):
            found.setdefault(str(record.study["name"]), []).append(record)
    return found


def variants_met(records: Iterable[Record]) -> list[str]:
    """The variants of the records."""
    met = {str(use.get("variant")) for record in records for use in record.study.get("uses", ())}
    return [variant for variant in VARIANTS if variant in met]


def side_by_side(study: Study, records: Sequence[Record]) -> list[FigureComparison]:
    """All figures of the study, in its order."""
    met = variants_met(records)
    as_measured = {variant: {figure.name: figure for figure in study.figures(variant)} for variant in VARIANTS}
    found = []
    for figure in as_measured[VARIANTS[-1]].values():
        own = {variant: as_measured[variant][figure.name] for variant in met}
        columns = {variant: _column(own[variant], records, variant) for variant in met}
        lines = []
        for place, row in enumerate(figure.rows):
            by_variant = {variant: column[place] for variant, column in columns.items()}
            lines.append(Line(row, by_variant, _change(own, by_variant)))
        found.append(FigureComparison(figure, tuple(lines)))
    return found


def of_part(records: Iterable[Record], variant: str, part: str) -> list[Record]:
    """The records of one part of a variant."""
    return [
        record
        for record in records
        if any(use.get("variant") == variant and use.get("part") == part for use in record.study.get("uses", ()))
    ]


def _column(figure: Figure, records: Sequence[Record], variant: str) -> list[Measured]:
    """The measured value of every row of a figure in one variant."""
    if variant not in figure.variants:
        return [Measured(None, note="no part of this variant") for _ in figure.rows]
    pairs = [_pair(figure, row, records, variant) for row in figure.rows]
    cells = {tuple(record.id for record in found): found for pair in pairs for found, _ in pair if found}
    return [_measure(figure, *pair, list(cells.values())) for pair in pairs]


def _pair(figure: Figure, row: Row, records: Sequence[Record], variant: str) -> tuple[Found, Found]:
    """The cell of a row, and its base; the same cell where the row has no base."""
    same = row.over and (row.over.part, row.over.backend) == (row.of.part, row.of.backend)
    above = row.over.workers if row.over and same else 0
    cell = _cell(row.of, of_part(records, variant, row.of.part), above if figure.or_fewer else None)
    return cell, _cell(row.over, of_part(records, variant, row.over.part), None) if row.over else cell


def _measure(figure: Figure, of: Found, over: Found, cells: Sequence[list[Record]]) -> Measured:
    """The value of a row; `cells`: the records of all cells of the figure."""
    (cell, note), (base, base_note) = of, over
    if not cell:
        return Measured(None, note=note)
    if not base:
        return Measured(None, note=f"no base line: {base_note}")
    measured = mean_of(_value(figure, record) for record in cell) if over is of else speedup_of(figure, base, cell, cells)
    crowded = "oversubscribed" if any(record.resolved.get("oversubscribed") for record in cell) else ""
    runs = tuple(record.id for record in (*(base if over is not of else ()), *cell))
    return replace(measured, runs=runs, note="; ".join(part for part in (note, crowded, measured.note) if part))


def _cell(side: FigureCell, records: Sequence[Record], above: int | None) -> Found:
    """The measured records of a cell with a note about them, or no records with the reason.

    `above`: a cell with fewer workers, but more than `above`, may replace a missing cell; None means that none may.
    """
    mine = [record for record in records if record.spec.get("backend") == side.backend]
    exact = [record for record in mine if record.spec.get("workers") == side.workers]
    measured = [record for record in exact if record.ok]
    note = ""
    if not measured and above is not None:
        counts = {
            int(record.spec.get("workers", 1))
            for record in mine
            if record.ok and above < record.spec.get("workers", 1) < side.workers
        }
        if counts:
            measured = [record for record in mine if record.ok and record.spec.get("workers", 1) == max(counts)]
            note = f"with {max(counts)}, not {side.workers} workers"
    if not measured:
        reasons = dict.fromkeys(f"{record.status}: {str(record.reason).partition('; ')[0]}" for record in exact if not record.ok)
        return [], "; ".join(reasons).replace("skipped: ", "left out: ") or "not run"
    if different := apart(measured):
        return [], f"not averaged: {different}"
    return measured, note


def _value(figure: Figure, record: Record) -> float | None:
    if figure.kind == "fetched":
        fetched = [finite_or_none(worker.get("bytes_moved")) for worker in record.per_worker]
        known = [size for size in fetched if size is not None]
        return max(known) / 1e6 if known else None
    value: Any = record.quality
    for name in figure.metric.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return finite_or_none(value)


def _change(figures: Mapping[str, Figure], by_variant: Mapping[str, Measured]) -> Measured | None:
    """The change of the figure through the correction, with its interval where both variants have one."""
    if any(variant not in by_variant or by_variant[variant].value is None for variant in VARIANTS):
        return None
    before, after = (by_variant[variant] for variant in VARIANTS)
    old, new = (figures[variant] for variant in VARIANTS)
    if before.runs == after.runs and (old.time, old.plus_s) == (new.time, new.plus_s):
        return Measured(None, note="the same runs")
    return ratio_of(before, after) if new.kind == "speed-up" else difference_of(before, after)
