"""Thousands of simulated comparisons, drawn from the stored launches of an unchanged commit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from manyhands.analysis.verdicts.error_rates import Scenario
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.other_tests import MEDIANS, TESTS
from manyhands.analysis.verdicts.results import have_one_yardstick, in_yardsticks, value_of
from manyhands.analysis.verdicts.sequential import LOOKS, Budget, Verdict, judge
from manyhands.analysis.verdicts.steady import Steady

BLOCK = 8
"""The number of consecutive launches in one draw, so that effects that last longer than a launch are kept."""
TIMES = (60, 120, 300)
"""Time limits in seconds; the share of slow-downs found within each is stored."""


def draws(launches: Sequence[Sample], metric: str, steady: Steady, count: int, seed: int) -> Iterator[list[tuple[float, float]]]:
    """Sequences of (logarithm of HEAD over BASE, seconds of both), from one pool; each as long as the longest comparison.

    Launches are drawn in blocks that begin anywhere in the pool, and assigned to A, B, B, A, ... afterwards, as in a live
    comparison of a commit with itself. Their original side does not matter.
    """
    by_yardstick = metric == "time" and not steady.middle and have_one_yardstick(launches)
    values = np.log(
        [in_yardsticks(launch, steady) if by_yardstick else value_of(launch, metric, steady) or math.nan for launch in launches]
    )
    walls = np.array([launch.wall_s for launch in launches])
    chance = np.random.default_rng(seed)
    pairs = 2 * LOOKS[-1]
    for _ in range(count):
        starts = chance.integers(len(values), size=-(-2 * pairs // BLOCK))
        picks = ((starts[:, None] + np.arange(BLOCK)) % len(values)).ravel()[: 2 * pairs].reshape(-1, 2)
        differences = values[picks[:, 1]] - values[picks[:, 0]]
        differences[1::2] *= -1
        if chance.integers(2):
            differences = -differences
        yield list(zip(differences.tolist(), walls[picks].sum(axis=1).tolist(), strict=True))


def replay(
    launches: Sequence[Sample],
    metric: str,
    steady: Steady,
    injected: float,
    budget: Budget,
    max_time_s: float,
    count: int,
    seed: int = 0,
    test: str = next(iter(TESTS)),
) -> Scenario:
    """`count` comparisons of the pool with itself, with HEAD slower by `injected`, judged by one of TESTS."""
    verdicts: Counter[Verdict] = Counter()
    within: Counter[str] = Counter({str(limit): 0 for limit in TIMES})
    taken: list[float] = []
    used: list[int] = []
    steady = replace(steady, middle=test == MEDIANS)
    for drawn in draws(launches, metric, steady, count, seed):
        spent = np.cumsum([seconds for _, seconds in drawn])
        room = int(np.searchsorted(spent, max_time_s, side="right"))
        differences = [difference + math.log1p(injected) for difference, _ in drawn[:room]]
        found = judge(differences, budget, TESTS[test])
        verdicts[found.verdict] += 1
        end = found.pairs if found.settled else room
        taken.append(float(spent[end - 1]) if end else 0.0)
        used.append(end)
        if found.verdict == "worse":
            within.update(str(limit) for limit in TIMES if taken[-1] <= limit)
    return Scenario(metric, injected, False, dict(verdicts), median(taken), median(used), dict(within), test)
