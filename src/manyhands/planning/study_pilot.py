"""The pilot of a study: short runs of a few cells -> what a launch of any cell of the study should take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from manyhands.plan import RunSpec
from manyhands.record import BASE_LINE, Record
from manyhands.watcher import Watcher


@dataclass(frozen=True)
class Pilot:
    """Times of one short run, in seconds."""

    fixed_s: float
    train_s: float
    row_visits: int
    """Rows that it trained on, times its epochs."""
    evaluate_s: float = 0.0


def pilot_cells(ready: Sequence[RunSpec]) -> list[RunSpec]:
    """The cells to pilot: for every workload the largest of `serial`, which gives the cost of a row; for every other backend the
    first with the most workers, which gives the cost of the engine."""
    alone: dict[str, RunSpec] = {}
    engines: dict[str, RunSpec] = {}
    for cell in ready:
        if cell.backend == BASE_LINE:
            known = alone.setdefault(cell.workload, cell)
            if (cell.samples or 0, -cell.threads) > (known.samples or 0, -known.threads):
                alone[cell.workload] = cell
        elif cell.workers > engines.setdefault(cell.backend, cell).workers:
            engines[cell.backend] = cell
    return [replace(cell, save=None) for cell in (*alone.values(), *engines.values())]


def run_pilots(pilots: Sequence[RunSpec], watcher: Watcher) -> dict[tuple[str, str], Pilot]:
    """(backend, workload) -> times of its short run; failed runs are left out."""
    from manyhands.run import RunContext, measure

    found = {}
    context = RunContext(watcher=watcher)
    watcher.begins(pilots, 0)
    try:
        for spec in pilots:
            watcher.starts([spec])
            record = measure(spec, context)
            watcher.ended(record)
            if record.ok:
                found[spec.backend, spec.workload] = pilot_of(record)
    finally:
        watcher.ends()
    return found


def pilot_of(record: Record) -> Pilot:
    """The pilot times that a record gives."""
    train_s, evaluate_s = (record.phases.get(f"{phase}_s") or 0.0 for phase in ("train", "evaluate"))
    epochs = int(record.spec["epochs"])
    evaluations = epochs if record.spec["score_epochs"] else 1
    visits = epochs * int(record.spec["samples"] or 1)
    return Pilot((record.wall_s or 0.0) - train_s - evaluate_s, train_s, visits, evaluate_s / evaluations)


def expected_s(spec: RunSpec, pilots: Mapping[tuple[str, str], Pilot]) -> float:
    """Expected seconds of a launch of the cell, from the times of the pilot.

    Assumed: with N workers a row costs 1 / sqrt(N) of its cost in one process, half-way between no gain and the ideal gain;
    more threads gain nothing. The cost of an engine is measured once, on the first workload that uses it.
    """
    alone = pilots.get((BASE_LINE, spec.workload))
    if alone is None:
        return _overhead_s(spec.backend, pilots)
    fixed_s = alone.fixed_s if spec.backend == BASE_LINE else _overhead_s(spec.backend, pilots)
    rows_s = alone.train_s * spec.epochs * (spec.samples or 1) / alone.row_visits
    evaluations = spec.epochs if spec.score_epochs else 1
    return fixed_s + evaluations * alone.evaluate_s + rows_s / math.sqrt(spec.workers)


def _overhead_s(backend: str, pilots: Mapping[tuple[str, str], Pilot]) -> float:
    """Cost of an engine besides the rows: launch, end, and the extra time of its training call over one process."""
    for (name, workload), pilot in pilots.items():
        if name == backend:
            alone = pilots.get((BASE_LINE, workload))
            rows_s = alone.train_s * pilot.row_visits / alone.row_visits if alone else 0.0
            return pilot.fixed_s + max(0.0, pilot.train_s - rows_s)
    return 0.0
