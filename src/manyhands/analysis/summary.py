"""A group of records -> one summary per cell, computed once for every form of the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.core_hours import core_hours, core_hours_ratio, cpu_seconds, serial_fraction
from manyhands.analysis.launch_model import Best, GroupFit, fit_group, has_learnt
from manyhands.analysis.limit import Reached, reached
from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import Time, base_line, cores, efficiency, rows, seconds
from manyhands.analysis.spread import Estimate, LaunchSpread, finite_or_none, mean, spread
from manyhands.analysis.targets import QualityTarget, TimeToTarget, misses, race, times_to_target
from manyhands.record import PHASES, TRAIN_SPLIT, Record

Place = Literal["fastest", "not distinguishable", "slower", "misses the target"] | None
"""The place of a cell among those of its group, with one error rate for all of them: the fastest so far, one that the launches cannot
distinguish from it, or a slower one. None for a cell that was not compared, or learnt nothing. With a target the fastest is the one that
reaches it first, and a cell with a launch that misses it has no other place."""


@dataclass(frozen=True)
class Summary:
    """One cell over its launches. Times in seconds, sizes in bytes; None means "not measured"."""

    cell: Cell
    is_base: bool
    wall: LaunchSpread | None
    train: LaunchSpread | None
    speedup: Ratio | None
    """Speed-up over the base line; None without a base line, or for the base line itself."""
    whole_run: Ratio | None
    """Speed-up of the whole run with launch and teardown; None where `speedup` is, or without whole runs to compare."""
    efficiency: Estimate | None
    """Speed-up per core; None where `speedup` is."""
    serial_fraction: Estimate | None
    """Karp-Flatt metric; None without more cores than the base line, when the work grows with the workers, or when its interval
    contains all of 0 to 1."""
    phases: Mapping[str, float | None]
    """Phase -> mean seconds."""
    train_split: Mapping[str, float | None]
    """Part of `train` -> its mean share of `train`, 0 to 1."""
    fetch_s: float | None
    """Mean seconds of `load` in which the slowest worker fetched its data from a store."""
    fetched_bytes: float | None
    """Mean bytes fetched by a worker."""
    predict_s: float | None
    """Mean seconds of prediction in `evaluate`, when it is timed separately."""
    iterations: float | None
    """Mean iterations of `train`, when the engine decides when to stop."""
    core_hours: float | None
    """Mean hours of wall time, multiplied by the reserved cores."""
    core_hours_ratio: Estimate | None
    """Core-hours over those of the base line; None where `whole_run` is."""
    cpu_s: float | None
    """Mean seconds of busy cores in the whole process tree."""
    cpu_percent: float | None
    peak_bytes: float | None
    quality: Mapping[str, LaunchSpread]
    """Metric -> its spread over the launches with a finite value."""
    place: Place = None
    to_target: TimeToTarget | None = None
    """Training time until the target; None without a target."""
    limit: Reached | None = None
    """The cell against the same workers without any exchange; None where those were not measured."""


def summarise(group: Group, time: Time = "train", target: QualityTarget | None = None) -> list[Summary]:
    """A summary of every cell with a measured run, in the order of the group; with a target, cells are placed by their time until it."""
    base, fit = base_line(group), fit_group(group, time)
    whole = fit if time == "wall" else fit_group(group, "wall")
    if target:
        fit_of_target = race(group.cells, target)
        best = fit_of_target.best() if fit_of_target else None
    else:
        best = fit.best() if fit else None
    limits = reached(group) if group.limits else {}
    found = [_summary(cell, base, fit, whole, best) for cell in group.cells if cell.measured]
    if limits:
        found = [replace(row, limit=limits.get(id(row.cell))) for row in found]
    return _with_target(found, base, target) if target else found


def _with_target(rows: Sequence[Summary], base: Cell | None, target: QualityTarget) -> list[Summary]:
    """The summaries with their times until the target. A cell that misses it has that place; one that alone reaches it is the fastest.

    One that reaches it and then learns nothing, its loss being no number at the end, has no place.
    """
    times = times_to_target([row.cell for row in rows], base, target)
    late = [misses(row.cell, target) for row in rows]
    ready = [row for row, missed in zip(rows, late, strict=True) if not missed and has_learnt(row.cell)]
    places = {id(row): "fastest" if len(ready) == 1 else row.place for row in ready}
    return [
        replace(row, to_target=taken, place="misses the target" if missed else places.get(id(row)))
        for row, taken, missed in zip(rows, times, late, strict=True)
    ]


def _summary(cell: Cell, base: Cell | None, fit: GroupFit | None, whole: GroupFit | None, best: Best | None) -> Summary:
    records = cell.measured
    is_fixed = records[0].spec.get("scaling", "fixed") == "fixed"
    ratio, whole_run = (one.speedup(cell) if one and base is not cell else None for one in (fit, whole))
    return Summary(
        cell=cell,
        is_base=cell is base,
        wall=spread(record.wall_s for record in records),
        train=spread(record.phases.get("train_s") for record in records),
        speedup=ratio,
        whole_run=whole_run,
        efficiency=efficiency(ratio, base, cell) if ratio and base else None,
        serial_fraction=serial_fraction(ratio, cores(cell) / cores(base)) if ratio and base and is_fixed else None,
        fetch_s=mean(max(_of_workers(record, "fetch_s"), default=None) for record in records),
        fetched_bytes=mean(mean(_of_workers(record, "bytes_moved")) for record in records),
        predict_s=mean(record.resolved.get("predict_s") for record in records),
        iterations=mean(record.resolved.get("iterations") for record in records),
        core_hours=mean(map(core_hours, records)),
        core_hours_ratio=core_hours_ratio(whole_run, cores(cell) / cores(base), _rows(base, cell))
        if whole_run and base
        else None,
        cpu_s=mean(map(cpu_seconds, records)),
        phases={phase: mean(record.phases.get(f"{phase}_s") for record in records) for phase in PHASES},
        train_split={part: _share(cell, part) for part in TRAIN_SPLIT},
        cpu_percent=mean(record.resources.get("cpu_percent") for record in records),
        peak_bytes=mean(record.resources.get("peak_pss_bytes") for record in records),
        quality=_quality(cell),
        place=_place(cell, best) if best else None,
    )


def lost_in(cell: Cell) -> list[int]:
    """The first epoch without a finite loss, of every launch that has such an epoch."""
    epochs = (record.resolved.get("not_finite_from_epoch") for record in cell.measured)
    return [epoch for epoch in epochs if epoch is not None]


def _place(cell: Cell, best: Best) -> Place:
    if any(cell is first for first in best.candidates[:1]):
        return "fastest"
    if any(cell is other for other in best.candidates):
        return "not distinguishable"
    return "slower" if any(cell is other for other in best.slower) else None


def _rows(base: Cell, cell: Cell) -> float:
    """Rows of a run of the cell over those of the base line; 1 when a record lacks them."""
    own, other = (mean(map(rows, one.measured)) for one in (cell, base))
    return own / other if own and other else 1.0


def _of_workers(record: Record, name: str) -> list[float]:
    """The values that workers reported under the name; workers without a value are left out."""
    return [value for worker in record.per_worker if (value := finite_or_none(worker.get(name))) is not None]


def _share(cell: Cell, part: str) -> float | None:
    shares = []
    for record in cell.measured:
        taken, whole = finite_or_none(record.train_split.get(f"{part}_s")), seconds(record, "train")
        shares.append(taken / whole if taken is not None and whole else None)
    return mean(shares)


def _quality(cell: Cell) -> dict[str, LaunchSpread]:
    metrics = dict.fromkeys(metric for record in cell.measured for metric in record.quality)
    found = {metric: spread(record.quality.get(metric) for record in cell.measured) for metric in metrics}
    return {metric: values for metric, values in found.items() if values is not None}


def step_ms(record: Record) -> float | None:
    """Milliseconds of one step in the phase train of a launch; None when it is not trained step by step, or was not measured."""
    steps = record.resolved.get("steps_trained") or (record.resolved.get("steps_per_epoch") or 0) * record.spec.get("epochs", 1)
    train_s = record.phases.get("train_s")
    return 1000 * train_s / steps if steps and train_s is not None else None
