"""Hsu's comparison with the best, which the statement on the fastest cell was chosen over: Hsu 1981, doi:10.1214/aos/1176345581."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaincinv, ndtr

from manyhands.analysis.model.levels import Levels

ERROR_RATE = 0.05


def may_be_best(found: Levels) -> list[int]:
    """The cells that no other cell beats by Dunnett's one-sided quantile."""
    cells = len(found.level)
    quantile = np.vectorize(lambda freedom: _dunnett(cells, round(float(freedom), 1)))(found.freedom)
    behind = found.level[None, :] - found.level[:, None] > quantile * np.sqrt(found.variance)
    return [cell for cell in range(cells) if not behind[cell].any()]


@lru_cache(maxsize=4096)
def _dunnett(cells: int, freedom: float) -> float:
    """The distance, in errors of a difference, that the largest lead over one of `cells` equal cells exceeds in 5 %."""
    low, high = 0.0, 200.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if _above(middle, cells, freedom) > ERROR_RATE else (low, middle)
    return high


def _above(reach: float, cells: int, freedom: float) -> float:
    nodes, weights = np.polynomial.legendre.leggauss(48)
    deviation = np.sqrt(gammaincinv(freedom / 2, (nodes + 1) / 2) * 2 / freedom)
    z, step = np.linspace(-8, 8, 161, retstep=True)
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    inside = (density * ndtr(z + (reach * np.sqrt(2) * deviation)[:, None]) ** (cells - 1)).sum(axis=1) * step
    return float(1 - (weights / 2 * inside).sum())
