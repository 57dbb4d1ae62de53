"""The results of a comparison of two commits, by cell and by metric."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median
from typing import Any

from manyhands.analysis.verdicts.metrics import METRICS, Sample
from manyhands.analysis.verdicts.sequential import Budget, Judgement, discoveries, judge
from manyhands.analysis.verdicts.steady import Steady
from manyhands.analysis.yardstick import relative

Pair = tuple[Sample, Sample]
"""A launch of BASE and a launch of HEAD, close together in time."""


@dataclass(frozen=True)
class Limits:
    """The limits of a comparison. Times in seconds."""

    budget: Budget
    max_time_s: float = 300.0
    """Time limit of one cell, including the confirmation."""
    max_load: float | None = None
    """Share of the cores that other programs may use; None allows a quarter, plus the cores that the cell does not use."""
    metrics: Sequence[str] = METRICS
    """The metrics that are judged."""


@dataclass(frozen=True)
class Judged:
    """The verdict on one metric of one cell."""

    metric: str
    judgement: Judgement
    base: float
    """The median over BASE's launches: seconds, bytes, or the quality as an error."""
    head: float
    in_yardsticks: bool = False
    """True when the launches were compared by their time over the yardstick's; `base` and `head` are seconds all the same."""


@dataclass(frozen=True)
class CellResult:
    """The result of one cell."""

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
    """The reason why nothing was judged; None without a failure."""
    missing: tuple[str, ...] = ()
    """The metrics that could not be judged, with reasons."""


@dataclass(frozen=True)
class Comparison:
    """The results of all cells."""

    base: str
    head: str
    limits: Limits
    cells: tuple[CellResult, ...]
    machine: Mapping[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 no cell is slower, 1 one is slower, 3 one is undecided, 4 one was not measured; the worst counts: 1, 4, 3, 0."""
        verdicts = {judged.judgement.verdict for cell in self.cells for judged in cell.judged}
        if "worse" in verdicts:
            return 1
        if not self.cells or any(cell.failure or cell.missing or not cell.judged for cell in self.cells):
            return 4
        return 3 if "undecided" in verdicts else 0


def failed(label: str, problem: object) -> CellResult:
    """The result of a cell that could not be judged."""
    return CellResult(label, (), (), Steady(0, True), 0, 0.0, failure=str(problem))


TINY = 1e-12
"""Replaces a value of 0, such as the error of a perfect model, so that two such values have the ratio 1."""


def judge_all(
    pairs: Sequence[Pair], steady: Steady, metrics: Iterable[str], budget: Budget
) -> tuple[tuple[Judged, ...], tuple[str, ...]]:
    """The verdict on every metric that all launches report, and a message for each metric that only some report."""
    found, missing = [], []
    for metric in metrics:
        sides = [[value_of(pair[side], metric, steady) for pair in pairs] for side in (0, 1)]
        lacking = [sum(value is None for value in side) for side in sides]
        if sum(lacking) == 2 * len(pairs):
            continue  # this kind of workload does not have the metric
        if sum(lacking):
            where = " and ".join(
                f"{count} of {len(pairs)} launches of {name}"
                for name, count in zip(("BASE", "HEAD"), lacking, strict=True)
                if count
            )
            missing.append(f"{metric} is missing or no number in {where}")
            continue
        base, head = ([max(value or 0.0, TINY) for value in side] for side in sides)
        by_yardstick = metric == "time" and have_one_yardstick([launch for pair in pairs for launch in pair])
        compared = [[in_yardsticks(pair[side], steady) for pair in pairs] for side in (0, 1)] if by_yardstick else (base, head)
        logs = [math.log(after / before) for before, after in zip(*compared, strict=True)]
        found.append(Judged(metric, judge(logs, budget), median(base), median(head), by_yardstick))
    return tuple(found), tuple(missing)


def value_of(launch: Sample, metric: str, steady: Steady) -> float | None:
    """The value of one launch; its time is the time of the fastest steady epoch."""
    if metric == "time" and launch.series:
        return steady.of(launch.series)
    return launch.values.get(metric)


def have_one_yardstick(launches: Sequence[Sample]) -> bool:
    """True when the times of the launches can be compared by the yardstick: each has one, and it is the same."""
    return all(launch.yardstick and launch.series for launch in launches) and len({one.measured_with for one in launches}) == 1


def in_yardsticks(launch: Sample, steady: Steady) -> float:
    """The time of a steady epoch of one launch over that of the yardstick at the moments around it."""
    return relative(launch.series[steady.start :], launch.yardstick[steady.start :])


def together(results: Sequence[CellResult], budget: Budget) -> tuple[CellResult, ...]:
    """The same cells with verdicts that hold for all of them together.

    A difference may be confirmed too late to reach the error budget of a single verdict. It still counts when the
    false-discovery correction over all verdicts allows it.
    """
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
