"""Variances of several cells, each from few launches -> variances moderated towards that of all cells (empirical Bayes).

A cell's variance s^2 with d degrees of freedom becomes (d0 s0^2 + d s^2) / (d0 + d), as in Smyth 2004, Linear models and empirical
Bayes methods, doi:10.2202/1544-6115.1027, with s0^2 the variance of all cells pooled. Smyth estimates d0 from the variances; with the
few cells of a plan, each with a degree of freedom or two, that estimate is infinite too often and noisy cells get intervals that are too
narrow. A fixed d0 covers better: docs/results/intervals.md compares both.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

PRIOR = 1.25
"""d0, the degrees of freedom of the variance that all cells share. Smaller values cover noisy cells better and make all intervals of
two blocks wider; this one is about the smallest that keeps six cells x two blocks at 8, 13 and 21 % on the three pools of
docs/results/intervals.md."""
SMALLEST = 1e-24
"""Smallest variance: launches with equal times must not give a variance of 0."""


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

    most = float(freedom.sum())
    if most <= 0:
        return Moderated(np.ones_like(variance), np.zeros_like(freedom), 0.0)
    pooled = float((freedom * variance).sum()) / most
    mixed = (PRIOR * pooled + freedom * variance) / (PRIOR + freedom)
    return Moderated(np.maximum(mixed, SMALLEST), np.minimum(PRIOR + freedom, most), most)
