"""Pairs of launches as they come -> a verdict, or not yet: the test, when it looks, and what it may spend on errors.

Every pair is one launch of each commit, a minute apart at most, so drift of the machine is in both. After 7, 10, 14, ... pairs
the test looks. A first look that sees a difference only picks the direction: the verdict needs fresh launches that show it too,
and both together must be as rare as the budget says. "Same" is tested as well, against both ends of the effect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from manyhands.analysis.verdicts.other_tests import Chance
from manyhands.analysis.verdicts.ranks import bounds, centre, chance_above

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LOOKS = (7, 10, 14, 19, 26, 36, 50, 70)
"""Pairs after which the test looks, counted from the first pair and again from the first fresh one."""
SIMULATED = 20_000
POWER = 0.8
Verdict = Literal["worse", "better", "same", "undecided"]


@dataclass(frozen=True)
class Budget:
    """What a comparison may get wrong, and how small a difference still matters."""

    alpha: float = 0.01
    """Chance that an unchanged benchmark is called worse (or better), over all verdicts of the comparison together."""
    effect: float = 0.05
    """A ratio within 1 + effect and 1 / (1 + effect) is the same for all practical purposes."""
    verdicts: int = 1
    """Verdicts that share the budget: cells times metrics."""

    @property
    def screen(self) -> float:
        """What the first launches must show before fresh ones are asked."""
        return math.sqrt(self.alpha)

    @property
    def each(self) -> float:
        """The chance of an error that a verdict has when it must stand alone."""
        return self.alpha / self.verdicts


@dataclass(frozen=True)
class Judgement:
    """What the pairs say so far. Ratios are HEAD over BASE, above 1 for worse."""

    verdict: Verdict
    settled: bool
    """Whether more pairs would not change the verdict."""
    ratio: float
    low: float | None
    high: float | None
    """Bounds of the ratio with 95 % confidence; None for fewer than 6 pairs."""
    pairs: int
    fresh: int
    """Pairs that came after the direction was picked; the ratio is theirs when the verdict is worse or better."""
    p: float
    """Chance of both stages under no difference; 1 when there was no second stage."""
    visible: float | None
    """The smallest effect that these pairs would have shown with a power of 80 %; None when there are too few."""
    unconfirmed: bool = False
    """Whether first launches showed a difference that fresh ones have not."""
    direction: int = 0
    """1 when first launches were slower, -1 when they were faster, 0 when neither was seen."""


def judge(differences: Sequence[float], budget: Budget, chance: Chance = chance_above) -> Judgement:
    """The verdict on logarithms of HEAD over BASE, in the order in which the pairs were launched; 0 for no difference.

    `chance`: the test; another one than that of ranks only to see how it would do.
    """
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


def discoveries(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which of several differences stand when judged together. Source: Benjamini and Hochberg 1995,
    doi:10.1111/j.2517-6161.1995.tb02031.x."""
    from scipy.stats import false_discovery_control

    return [bool(value <= alpha) for value in false_discovery_control(p_values)] if p_values else []


def _adjusted(differences: Sequence[float], side: int, chance: Chance) -> float:
    import numpy as np

    return over_looks(float(chance(side * np.asarray(differences, dtype=float))))


def _is_same(differences: Sequence[float], budget: Budget, chance: Chance) -> bool:
    """Both "at least the effect more" and "at least the effect less" are ruled out. Source: Schuirmann 1987, two one-sided tests."""
    import numpy as np

    values, reach = np.asarray(differences, dtype=float), math.log1p(budget.effect)
    return over_looks(float(max(chance(reach - values), chance(values + reach)))) <= budget.each


def _together(first: float, second: float) -> float:
    """The p-value of two independent stages. Source: Fisher's method, Statistical Methods for Research Workers, 1932."""
    from scipy.stats import combine_pvalues

    return float(combine_pvalues([first, second], method="fisher").pvalue)


def _closed(verdict: Verdict, shown: Sequence[float], budget: Budget, fresh: int, p: float, before: int = 0) -> Judgement:
    return _judgement(verdict, True, shown, budget, before + len(shown), fresh, p)


def _open(differences: Sequence[float], budget: Budget, start: int = 0, p: float = 1.0, sign: int = 0) -> Judgement:
    """Not decided by these pairs; settled when no look is left."""
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
    """The smallest effect that this many pairs, as far apart as these are, would show with a power of 80 %; None for too few."""
    from scipy.stats import chi2, norm

    bound = bounds(differences)
    if bound is None or len(differences) < fewest_pairs(budget):
        return None
    error = math.sqrt(2) * (bound[1] - bound[0]) / (2 * norm.ppf(0.975))  # of each stage, which has half of the pairs
    level = min(budget.screen, math.exp(-float(chi2.isf(budget.each, 4)) / 4))  # at which the two together keep to the budget
    return float(math.expm1((norm.isf(nominal(level)) + norm.ppf(math.sqrt(POWER))) * error))


def fewest_pairs(budget: Budget) -> int:
    """The least pairs after which anything, however large, can be called slower."""
    first = next(count for count in LOOKS if over_looks(0.5**count) <= budget.screen)
    screened = over_looks(0.5**first)
    return first + next(count for count in LOOKS if _together(screened, over_looks(0.5**count)) <= budget.each)


def over_looks(p: float) -> float:
    """The chance that the smallest p-value of all LOOKS is at most `p` when there is no difference.

    Simulated, which is exact up to its 20,000 draws: ranks of symmetric differences do not depend on how these are
    distributed. Far out, where few draws are, the sum over the looks bounds it.
    """
    import numpy as np

    smallest = _smallest_of_looks()
    share = (np.searchsorted(smallest, p * (1 + 1e-9), side="right") + 1) / (len(smallest) + 1)
    return float(min(1.0, len(LOOKS) * p, share))


def nominal(level: float) -> float:
    """The p-value at one look whose chance over all looks is `level`."""
    import numpy as np

    return float(np.quantile(_smallest_of_looks(), level))


@lru_cache(maxsize=1)
def _smallest_of_looks() -> NDArray[np.float64]:
    import numpy as np

    drawn = np.random.default_rng(0).standard_normal((SIMULATED, LOOKS[-1]))
    return np.sort(np.min([chance_above(drawn[:, :count]) for count in LOOKS], axis=0))
