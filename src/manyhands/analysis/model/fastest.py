"""Levels -> the cells that may be the fastest, with one error rate for the whole statement.

A cell is slower when its distance to the fastest is beyond the studentized range of all cells that are still candidates; then the
range is that of the cells which are left, until no more fall. Sources: Tukey 1953, The problem of multiple comparisons; Kramer 1956,
doi:10.2307/3001469, for cells with different numbers of launches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from manyhands.analysis.model.levels import Levels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ERROR_RATE = 0.02
"""Probability that one look calls a cell slower which is as fast as the fastest. 2 %, so that it stays below 5 % when there is a look after
every block until there is one candidate, and with cells of very unequal noise: docs/results/intervals.md."""
NODES = 48
"""Nodes of each quadrature: errors below 1e-4 of a quantile from 1 degree of freedom on."""


def may_be_fastest(found: Levels, allowed: Sequence[int]) -> list[int]:
    """The numbers of the cells that cannot be distinguished from the fastest of the `allowed` ones, the fastest first."""
    left = sorted(allowed, key=lambda cell: -found.level[cell])
    while len(left) > 1:
        best = left[0]
        kept = [best, *(cell for cell in left[1:] if not is_apart(found, best, cell, len(left)))]
        if len(kept) == len(left):
            break
        left = kept
    return left


def is_apart(found: Levels, best: int, cell: int, candidates: int) -> bool:
    """True when `cell` is slower than `best`, the fastest of so many candidates."""
    freedom, variance = float(found.freedom[best, cell]), float(found.variance[best, cell])
    lead = float(found.level[best] - found.level[cell])
    return freedom > 0 and math.isfinite(variance) and lead > range_quantile(candidates, freedom) * math.sqrt(variance)


def range_quantile(cells: int, freedom: float, error_rate: float = ERROR_RATE) -> float:
    """The distance, in errors of a difference, that the largest of all differences of equal cells rarely exceeds."""
    return _range_quantile(cells, round(min(freedom, 500.0), 1), error_rate)


@lru_cache(maxsize=4096)
def _range_quantile(cells: int, freedom: float, error_rate: float) -> float:
    low, high = 0.0, 10.0
    while _above(high, cells, freedom) > error_rate:
        low, high = high, 4 * high
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _above(middle, cells, freedom) > error_rate else (low, middle)
    return high / math.sqrt(2)


def _above(reach: float, cells: int, freedom: float) -> float:
    """Probability that the range of `cells` normal values, over an independent estimate of their deviation, is above `reach`."""
    import numpy as np
    from scipy.special import gammaincinv, ndtr

    nodes, weights = _nodes()
    deviation = np.sqrt(gammaincinv(freedom / 2, nodes) * 2 / freedom)  # quantiles of chi / sqrt(freedom)
    z, step = np.linspace(-8, 8, 161, retstep=True)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    inside = cells * (density * (ndtr(z) - ndtr(z - (reach * deviation)[:, None])) ** (cells - 1)).sum(axis=1) * step
    return float(1 - (weights * inside).sum())


@lru_cache(maxsize=1)
def _nodes() -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on 0 ... 1."""
    import numpy as np

    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return (nodes + 1) / 2, weights / 2
