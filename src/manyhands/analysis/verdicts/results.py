"""What a comparison of two commits found, cell by cell and metric by metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from manyhands.analysis.verdicts.metrics import METRICS, Sample
from manyhands.analysis.verdicts.sequential import Budget, Judgement, discoveries, judge
from manyhands.analysis.verdicts.steady import Steady

Pair = tuple[Sample, Sample]
"""A launch of BASE and one of HEAD, next to each other in time."""


@dataclass(frozen=True)
class Limits:
    """When to stop. Times in seconds."""

    budget: Budget
    max_time_s: float = 300.0
    """For one cell, the confirmation included."""
    max_load: float | None = None
    """Share of the cores that other programs may use; None lets a quarter pass, and what the cell leaves free."""
    metrics: Sequence[str] = METRICS
    """What is judged of a cell."""


@dataclass(frozen=True)
class Judged:
    """One metric of one cell."""

    metric: str
    judgement: Judgement
    base: float
    """The middle over BASE's launches: seconds, bytes, or the quality as an error."""
    head: float


@dataclass(frozen=True)
class CellResult:
    """What came out for one cell."""

    label: str
    pairs: tuple[Pair, ...]
    judged: tuple[Judged, ...]
    steady: Steady
    epochs: int
    """Epochs in each launch; 0 when launches have no series."""
    spent_s: float
    quality: str = ""
    """Name of the quality metric."""
    failure: str | None = None
    """Why nothing was judged."""
    missing: tuple[str, ...] = ()
    """Metrics that could not be judged, and why."""


@dataclass(frozen=True)
class Comparison:
    """What came out for all cells."""

    base: str
    head: str
    limits: Limits
    cells: tuple[CellResult, ...]
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 none is slower, 1 one is, 3 one is undecided, 4 one could not be measured; the worst of them counts: 1, 4, 3, 0."""
        verdicts = {judged.judgement.verdict for cell in self.cells for judged in cell.judged}
        if "worse" in verdicts:
            return 1
        if not self.cells or any(cell.failure or cell.missing or not cell.judged for cell in self.cells):
            return 4
        return 3 if "undecided" in verdicts else 0


def failed(label: str, problem: object) -> CellResult:
    """The result of a cell about which nothing can be said."""
    return CellResult(label, (), (), Steady(0, True), 0, 0.0, failure=str(problem))


TINY = 1e-12
"""Stands for a value of 0, such as the error of a perfect model: two of them have the ratio 1."""


def judge_all(
    pairs: Sequence[Pair], steady: Steady, metrics: Iterable[str], budget: Budget
) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """Every metric that all launches report, and in words those that only some of them do."""
    found, missing = [], []
    for metric in metrics:
        sides = [[value_of(pair[side], metric, steady) for pair in pairs] for side in (0, 1)]
        lacking = [sum(value is None for value in side) for side in sides]
        if sum(lacking) == 2 * len(pairs):
            continue  # nothing that this kind of workload has
        if sum(lacking):
            where = " and ".join(
                f"{count} of {len(pairs)} launches of {name}"
                for name, count in zip(("BASE", "HEAD"), lacking, strict=True)
                if count
            )
            missing.append(f"{metric} is missing or no number in {where}")
            continue
        base, head = ([max(value or 0.0, TINY) for value in side] for side in sides)
        logs = [math.log(after / before) for before, after in zip(base, head, strict=True)]
        found.append(Judged(metric, judge(logs, budget), median(base), median(head)))
    return tuple(found), tuple(missing)


def value_of(launch: Sample, metric: str, steady: Steady) -> float | None:
    """The number of one launch: its time is that of the fastest steady epoch."""
    if metric == "time" and launch.series:
        return steady.of(launch.series)
    return launch.values.get(metric)


def together(results: Sequence[CellResult], budget: Budget) -> tuple[CellResult, ...]:
    """The same cells with verdicts that hold for all of them together: a difference that confirmed itself late, when no time was
    left to make it rare enough to stand alone, stands when the false-discovery correction lets it."""
    found = [(cell, one) for cell in results for one in cell.judged]
    standing = discoveries([one.judgement.p for _, one in found], budget.alpha)
    stands = {(id(cell), one.metric) for (cell, one), yes in zip(found, standing, strict=True) if yes}
    return tuple(
        replace(
            cell,
            judged=tuple(
                _promoted(one) if (id(cell), one.metric) in stands and one.judgement.unconfirmed else one for one in cell.judged
            ),
        )
        for cell in results
    )


def _promoted(judged: Judged) -> Judged:
    known = judged.judgement
    return replace(judged, judgement=replace(known, verdict="worse" if known.direction > 0 else "better", unconfirmed=False))
