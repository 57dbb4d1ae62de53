"""Variances of several cells, each from few launches -> variances moderated towards that of all cells (empirical Bayes).

A cell's variance s^2 with d degrees of freedom becomes (d0 s0^2 + d s^2) / (d0 + d). The prior, s0^2 with d0 degrees of freedom, comes
from the moments of log s^2 over the cells: cells of equal noise give a large d0, so that all cells share one variance. Source: Smyth
2004, Linear models and empirical Bayes methods, doi:10.2202/1544-6115.1027, section 6.2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEWEST = 0.2
"""Degrees of freedom from which a cell's own variance says something about how much the variances differ."""
TINY = 1e-12
"""Smallest variance relative to the largest: launches with equal times must not give a variance of 0."""


@dataclass(frozen=True)
class Moderated:
    """One entry for each cell."""

    variance: Array
    freedom: Array
    """Degrees of freedom of the variance; 0 when no cell has any."""
    most: float
    """Degrees of freedom of all cells together, more than which no variance has."""


def moderated(variance: Array, freedom: Array) -> Moderated:
    """The moderated variances. Cells without degrees of freedom get the variance of the others."""
    import numpy as np

    whole = float(freedom.sum())
    if whole <= 0:
        return Moderated(np.ones_like(variance), np.zeros_like(freedom), 0.0)
    variance = np.maximum(variance, max(TINY * float(variance.max()), 1e-30))
    usual, prior = _prior(variance, freedom)
    if math.isinf(prior):
        return Moderated(np.full_like(variance, usual), np.full_like(freedom, whole), whole)
    mixed = (prior * usual + freedom * variance) / (prior + freedom)
    return Moderated(mixed, np.minimum(prior + freedom, whole), whole)


def _prior(variance: Array, freedom: Array) -> tuple[float, float]:
    """s0^2 and d0; d0 is infinite when the variances differ no more than those of cells with equal noise."""
    import numpy as np
    from scipy.special import digamma, polygamma

    used = freedom >= FEWEST
    pooled = float((freedom * variance).sum() / freedom.sum())
    if used.sum() < 2:
        return pooled, math.inf
    half = freedom[used] / 2
    logs = np.log(variance[used]) - digamma(half) + np.log(half)
    excess = float(logs.var(ddof=1) - polygamma(1, half).mean())
    if excess <= 0:
        return pooled, math.inf
    prior = 2 * _trigamma_inverse(excess)
    return float(np.exp(logs.mean() + digamma(prior / 2) - math.log(prior / 2))), prior


def _trigamma_inverse(value: float) -> float:
    """The x with trigamma(x) = value, by the Newton steps of Smyth 2004, appendix."""
    from scipy.special import polygamma

    if value > 1e7:
        return 1 / math.sqrt(value)
    if value < 1e-6:
        return 1 / value
    x = 0.5 + 1 / value
    for _ in range(50):
        now = float(polygamma(1, x))
        step = now * (1 - now / value) / float(polygamma(2, x))
        x += step
        if -step / x < 1e-8:
            break
    return x
