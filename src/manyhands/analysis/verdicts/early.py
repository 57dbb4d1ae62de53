"""Large differences after few pairs: the signed-rank test cannot call any difference with fewer than 14, because it sees no sizes.

After 6 and 8 pairs a difference counts when the first half of the pairs and the fresh half agree that it is LARGE, and Student's t of all pairs is as rare as what the rank test leaves of the budget. With tails that are heavier than those of the
normal distribution the test is on the safe side (Benjamini 1983, Is the t test really conservative when the parent distribution is
long-tailed?, JASA 78, 645-654). Error rates on stored launches: docs/results/intervals.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

EARLY = (6, 8)
"""Numbers of pairs after which a large difference may be called."""
LARGE = 0.1
"""Ratios above 1 + this, or below 1 / (1 + this), are large."""


@dataclass(frozen=True)
class Seen:
    """A large difference: its sign, 1 for slower, and its p-value over all looks of EARLY."""

    sign: int
    p: float


def seen_early(differences: Sequence[float], level: float) -> Seen | None:
    """The large difference that the pairs show at this level of one look; None without one. `differences`: logarithms of the ratios."""
    half = len(differences) // 2
    sign = 1 if fmean(differences) > 0 else -1
    values = [sign * difference for difference in differences]
    if min(fmean(values[:half]), fmean(values[half:])) < math.log1p(LARGE):
        return None
    p = _t_above(values)
    return Seen(sign, len(EARLY) * p) if p <= level else None


def _t_above(values: Sequence[float]) -> float:
    """One-sided p-value of Student's t."""
    from scipy.special import stdtr

    error = max(stdev(values), 1e-12) / math.sqrt(len(values))
    return float(stdtr(len(values) - 1, -fmean(values) / error))
