"""A study and its records -> every published figure with the measured values beside it, for each variant.

Seconds of different machines are never compared: a time is a ratio of two times from one machine. Records that must not be
averaged give no value, but the reason.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from manyhands.analysis.cells import differences, group_records
from manyhands.analysis.intervals import t_quantile, welch_interval
from manyhands.analysis.ratios import LaunchValue, ratio
from manyhands.analysis.scaling import block, rows
from manyhands.analysis.spread import finite_or_none
from manyhands.record import Record
from manyhands.studies.study import VARIANTS, Figure, FigureCell, Row, Study


@dataclass(frozen=True)
class Measured:
    """The measured value of one variant. Without a value, `note` gives the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    sd: float | None = None
    """Standard deviation over launches, for a quality."""
    launches: int = 0
    note: str = ""
    values: tuple[float, ...] = ()
    """One value per launch, or the logarithm of the ratio per pair of launches."""
    runs: tuple[str, ...] = ()
    """The ids of the records that gave the value."""


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
        lines = []
        for place, row in enumerate(figure.rows):
            by_variant = {}
            for variant in met:
                own = as_measured[variant][figure.name]
                by_variant[variant] = (
                    _measure(own, own.rows[place], records, variant)
                    if variant in own.variants
                    else Measured(None, note="no part of this variant")
                )
            lines.append(Line(row, by_variant, _change(figure, by_variant)))
        found.append(FigureComparison(figure, tuple(lines)))
    return found


def of_part(records: Iterable[Record], variant: str, part: str) -> list[Record]:
    """The records of one part of a variant."""
    return [
        record
        for record in records
        if any(use.get("variant") == variant and use.get("part") == part for use in record.study.get("uses", ()))
    ]


def _measure(figure: Figure, row: Row, records: Sequence[Record], variant: str) -> Measured:
    same = row.over and (row.over.part, row.over.backend) == (row.of.part, row.of.backend)
    above = row.over.workers if row.over and same else 0
    cell, note = _cell(row.of, of_part(records, variant, row.of.part), above if figure.or_fewer else None)
    if not cell:
        return Measured(None, note=note)
    base: list[Record] = []
    if row.over is not None:
        base, base_note = _cell(row.over, of_part(records, variant, row.over.part), None)
        if not base:
            return Measured(None, note=f"no base line: {base_note}")
        measured = _speedup(figure, base, cell)
    else:
        measured = _mean([_value(figure, record) for record in cell])
    crowded = "oversubscribed" if any(record.resolved.get("oversubscribed") for record in cell) else ""
    runs = tuple(record.id for record in (*base, *cell))
    return replace(measured, runs=runs, note="; ".join(part for part in (note, crowded, measured.note) if part))


def _cell(side: FigureCell, records: Sequence[Record], above: int | None) -> tuple[list[Record], str]:
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
    if apart := _apart(measured):
        return [], f"not averaged: {apart}"
    return measured, note


def _apart(records: Sequence[Record]) -> str:
    """The differences that forbid averaging the records of one cell; empty without differences."""
    found = differences(group_records(records))
    return "; ".join(f"{name} {' / '.join(values)}" for name, values in found.items())


def _elsewhere(base: Sequence[Record], cell: Sequence[Record]) -> str:
    """The differences in machine, versions and code between two cells; empty without differences."""
    like = [replace(record, spec={"workload": "any"}, data={}) for record in (*base, *cell)]
    return _apart(like)


def _speedup(figure: Figure, base: Sequence[Record], cell: Sequence[Record]) -> Measured:
    if apart := _elsewhere(base, cell):
        return Measured(None, note=f"not compared: {apart}")
    by_rows = all(rows(record) is not None for record in (*base, *cell))
    launches = [_launches(figure, side, by_rows) for side in (base, cell)]
    found = ratio(*launches)
    if found is None:
        return Measured(None, note=f"{' + '.join(figure.time)} was not measured")
    blocks = [{launch.block: math.log(launch.value) for launch in side} for side in launches]
    logs = tuple(value - blocks[0][place] for place, value in blocks[1].items() if place in blocks[0])
    return Measured(found.value, found.low, found.high, launches=found.launches, values=logs)


def _launches(figure: Figure, records: Sequence[Record], by_rows: bool) -> list[LaunchValue]:
    found = []
    for record in records:
        taken = _seconds(figure.time, record)
        if taken is not None:
            found.append(LaunchValue(block(record), ((rows(record) if by_rows else None) or 1.0) / (taken + figure.plus_s)))
    return found


def _seconds(time: Sequence[str], record: Record) -> float | None:
    """The sum of the named times of a run; None when one was not measured, or when the sum is 0."""
    spans = {"wall": record.wall_s, "predict": record.resolved.get("predict_s")}
    taken = [finite_or_none(spans[name] if name in spans else record.phases.get(f"{name}_s")) for name in time]
    known = [seconds for seconds in taken if seconds is not None]
    return sum(known) if len(known) == len(taken) and sum(known) > 0 else None


def _value(figure: Figure, record: Record) -> float | None:
    if figure.kind == "fetched":
        fetched = [finite_or_none(worker.get("bytes_moved")) for worker in record.per_worker]
        known = [size for size in fetched if size is not None]
        return max(known) / 1e6 if known else None
    value: Any = record.quality
    for name in figure.metric.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return finite_or_none(value)


def _mean(values: Iterable[float | None]) -> Measured:
    known = tuple(value for value in values if value is not None)
    if not known:
        return Measured(None, note="not a number in any launch")
    centre = statistics.fmean(known)
    if len(known) == 1:
        return Measured(centre, launches=1, values=known)
    sd = statistics.stdev(known)
    reach = t_quantile(len(known) - 1) * sd / math.sqrt(len(known))
    return Measured(centre, centre - reach, centre + reach, sd=sd, launches=len(known), values=known)


def _change(figure: Figure, by_variant: Mapping[str, Measured]) -> Measured | None:
    """The change of the figure through the correction, with Welch's interval when both variants have two launches."""
    if any(variant not in by_variant or by_variant[variant].value is None for variant in VARIANTS):
        return None
    before, after = (by_variant[variant] for variant in VARIANTS)
    if (before.runs, before.values) == (after.runs, after.values):
        return Measured(None, note="the same runs")
    assert before.value is not None
    assert after.value is not None
    bounds = welch_interval(before.values, after.values)
    if figure.kind != "speed-up":
        return Measured(after.value - before.value, *(bounds or (None, None)))
    low, high = (math.exp(max(-700.0, min(700.0, bound))) for bound in bounds) if bounds else (None, None)
    return Measured(after.value / before.value, low, high)
