"""Pairs of launches, one after the other -> a verdict, or not yet: the test, its times, and its error budget.

Every pair is one launch of each commit, at most a minute apart, so drift of the machine affects both. The test runs after
7, 10, 14, ... pairs. When it sees a difference for the first time, it only picks the direction: the verdict needs fresh launches
that show the difference too, and both results together must be as rare as the budget requires. "Same" is also tested, against
both ends of the effect. A difference of LARGE or more may be called after 6 or 8 pairs (`early`), for what the rank test leaves of the
budget: both of its stages must be rare, which happens less often than Fisher's method alone allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from manyhands.analysis.verdicts.early import EARLY, seen_early
from manyhands.analysis.verdicts.other_tests import Chance
from manyhands.analysis.verdicts.ranks import bounds, centre, chance_above

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOKS = (7, 10, 14, 19, 26, 36, 50, 70)
"""The numbers of pairs after which the test runs, counted from the first pair, and again from the first fresh pair."""
SIMULATED = 20_000
POWER = 0.8
Verdict = Literal["worse", "better", "same", "undecided"]


@dataclass(frozen=True)
class Budget:
    """The allowed error rate of a comparison, and the smallest difference that matters."""

    alpha: float = 0.01
    """Probability that any verdict of the comparison calls an unchanged benchmark worse (or better)."""
    effect: float = 0.05
    """A ratio within 1 + effect and 1 / (1 + effect) counts as the same."""
    verdicts: int = 1
    """The number of verdicts that share the budget: cells times metrics."""

    @property
    def screen(self) -> float:
        """The p-value that the first launches must reach before fresh launches are made."""
        return math.sqrt(self.alpha)

    @property
    def each(self) -> float:
        """The level of Fisher's method for a single verdict after the looks of LOOKS."""
        return self.alpha / self.verdicts

    @property
    def early(self) -> float:
        """The probability of an error of a single verdict at one of the looks of EARLY: what the looks of LOOKS leave over.

        Without a difference both stages have p-values as from a uniform distribution, or larger ones. They make a verdict when both are at
        most s, the screen, and their product is at most k, Fisher's bound: with probability k (1 + ln(s^2 / k)).
        """
        product, square = largest_product(self.each), self.screen**2
        of_ranks = product * (1 + math.log(square / product)) if product < square else square
        return (self.each - min(of_ranks, self.each)) / len(EARLY)


@dataclass(frozen=True)
class Judgement:
    """The verdict of the pairs so far. Ratios are HEAD over BASE; above 1 is worse."""

    verdict: Verdict
    settled: bool
    """True when more pairs would not change the verdict."""
    ratio: float
    low: float | None
    high: float | None
    """Bounds of the ratio with 95 % confidence; None with fewer than 6 pairs."""
    pairs: int
    fresh: int
    """Pairs after the direction was picked; with the verdict worse or better, the ratio comes from these pairs, or from all
    pairs when a large difference was called early."""
    p: float
    """Probability of both stages without a difference; 1 when there was no second stage."""
    visible: float | None
    """The smallest effect that these pairs can show with a power of 80 %; None with too few pairs."""
    unconfirmed: bool = False
    """True when the first launches showed a difference and the fresh launches did not."""
    direction: int = 0
    """1 when the first launches were slower, -1 when they were faster, 0 without a difference."""


def judge(differences: Sequence[float], budget: Budget, chance: Chance = chance_above) -> Judgement:
    """The verdict on logarithms of HEAD over BASE (0 means no difference), in the order of the launches.

    `chance`: the test; only studies of other tests replace the rank test.
    """
    if large := _early(differences, budget):
        return large
    start, sign, screened = 0, 0, 1.0
    for count in LOOKS:
        if count > len(differences):
            return _open(differences, budget)
        seen = differences[:count]
        for side in (1, -1):
            p = _adjusted(seen, side, chance)
            if p <= budget.screen and side * centre(seen) >= math.log1p(budget.effect) / 2:
                start, sign, screened = count, side, p
        if sign:
            break
        if _is_same(seen, budget, chance):
            return _closed("same", seen, budget, fresh=0, p=1.0)
    else:
        return _open(differences, budget)
    p = 1.0
    for count in LOOKS:
        if start + count > len(differences):
            break
        fresh = differences[start : start + count]
        second = _adjusted(fresh, sign, chance)
        p = _together(screened, second) if second <= budget.screen else 1.0
        if p <= budget.each:
            return _closed("worse" if sign > 0 else "better", fresh, budget, fresh=count, p=p, before=start)
        if _is_same(fresh, budget, chance):
            return _closed("same", fresh, budget, fresh=count, p=p, before=start)
    return _open(differences, budget, start, p, sign)


def _early(differences: Sequence[float], budget: Budget) -> Judgement | None:
    """The verdict on a large difference after few pairs; None without one."""
    for count in EARLY:
        large = seen_early(differences[:count], budget.early) if count <= len(differences) else None
        if large:
            verdict: Verdict = "worse" if large.sign > 0 else "better"
            return _closed(verdict, differences[:count], budget, count // 2, large.p)
    return None


def discoveries(p_values: Sequence[float], alpha: float) -> list[bool]:
    """True for each difference that counts when all are judged together. Source: Benjamini and Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x."""
    from scipy.stats import false_discovery_control

    return [bool(value <= alpha) for value in false_discovery_control(p_values)] if p_values else []


def _adjusted(differences: Sequence[float], side: int, chance: Chance) -> float:
    import numpy as np

    return over_looks(float(chance(side * np.asarray(differences, dtype=float))))


def _is_same(differences: Sequence[float], budget: Budget, chance: Chance) -> bool:
    """True when a difference of the effect or more is ruled out in both directions. Source: Schuirmann 1987, two one-sided tests."""
    import numpy as np

    values, reach = np.asarray(differences, dtype=float), math.log1p(budget.effect)
    return over_looks(float(max(chance(reach - values), chance(values + reach)))) <= budget.each


def _together(first: float, second: float) -> float:
    """The p-value of two independent stages. Source: Fisher's method, Statistical Methods for Research Workers, 1932."""
    from scipy.stats import combine_pvalues

    return float(combine_pvalues([first, second], method="fisher").pvalue)


@lru_cache(maxsize=512)
def largest_product(level: float) -> float:
    """The largest product of two p-values that Fisher's method takes for rarer than `level`."""
    from scipy.stats import chi2

    return math.exp(-float(chi2.isf(level, 4)) / 2)


def _closed(verdict: Verdict, shown: Sequence[float], budget: Budget, fresh: int, p: float, before: int = 0) -> Judgement:
    return _judgement(verdict, True, shown, budget, before + len(shown), fresh, p)


def _open(differences: Sequence[float], budget: Budget, start: int = 0, p: float = 1.0, sign: int = 0) -> Judgement:
    """The judgement when these pairs decide nothing; it is settled when no further test is planned."""
    fresh = len(differences) - start if sign else 0
    shown = differences[start:] or differences
    found = _judgement("undecided", len(shown) >= LOOKS[-1], shown, budget, len(differences), fresh, p)
    return replace(found, visible=visible(differences, budget), unconfirmed=bool(sign), direction=sign)


def _judgement(
    verdict: Verdict, settled: bool, shown: Sequence[float], budget: Budget, pairs: int, fresh: int, p: float
) -> Judgement:
    ratio = math.exp(centre(shown)) if shown else math.nan
    bound = bounds(shown) if shown else None
    low, high = (math.exp(bound[0]), math.exp(bound[1])) if bound else (None, None)
    return Judgement(verdict, settled, ratio, low, high, pairs, fresh, p, visible(shown, budget))


def visible(differences: Sequence[float], budget: Budget) -> float | None:
    """The smallest effect that this many pairs with this spread can show with a power of 80 %; None with too few pairs."""
    from scipy.stats import norm

    bound = bounds(differences)
    if bound is None or len(differences) < fewest_for_small(budget):
        return None
    error = math.sqrt(2) * (bound[1] - bound[0]) / (2 * norm.ppf(0.975))  # error of each stage, which has half of the pairs
    level = min(budget.screen, math.sqrt(largest_product(budget.each)))  # at this level both stages keep to the budget
    return float(math.expm1((norm.isf(nominal(level)) + norm.ppf(math.sqrt(POWER))) * error))


def fewest_pairs(budget: Budget) -> int:
    """The smallest number of pairs after which even the largest difference can be called slower."""
    return EARLY[0]


def fewest_for_small(budget: Budget) -> int:
    """The smallest number of pairs after which a difference below `early.LARGE` can be called slower."""
    first = next(count for count in LOOKS if over_looks(0.5**count) <= budget.screen)
    screened = over_looks(0.5**first)
    return first + next(count for count in LOOKS if _together(screened, over_looks(0.5**count)) <= budget.each)


def over_looks(p: float) -> float:
    """The probability that the smallest p-value of all LOOKS is at most `p` without a difference.

    It is simulated with 20,000 draws, which needs no assumption: ranks of symmetric differences do not depend on their
    distribution. For very small p, with few draws, the sum over the looks is an upper bound.
    """
    import numpy as np

    smallest = _smallest_of_looks()
    share = (np.searchsorted(smallest, p * (1 + 1e-9), side="right") + 1) / (len(smallest) + 1)
    return float(min(1.0, len(LOOKS) * p, share))


def nominal(level: float) -> float:
    """The p-value of one test that has the probability `level` over all LOOKS."""
    import numpy as np

    return float(np.quantile(_smallest_of_looks(), level))


@lru_cache(maxsize=1)
def _smallest_of_looks() -> NDArray[np.float64]:
    import numpy as np

    drawn = np.random.default_rng(0).standard_normal((SIMULATED, LOOKS[-1]))
    return np.sort(np.min([chance_above(drawn[:, :count]) for count in LOOKS], axis=0))
