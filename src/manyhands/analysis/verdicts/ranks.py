"""Paired differences -> the p-value that they are above 0, their centre and its bounds, computed from ranks only.

Launches of one unchanged program have heavy tails: a few take 50 % longer. A rank counts such a launch as one launch; in a mean
it weighs more. Source of the test: Wilcoxon 1945, doi:10.2307/3001968; of centre and bounds: Hodges and Lehmann 1963,
doi:10.1214/aoms/1177704172.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Bounds = tuple[float, float]
EXACT = 60
"""Up to this many differences the distribution of the rank sum is exact; above, the normal approximation is as good."""


def chance_above(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """One-sided p-values: the probability of such high ranks when each difference could equally well be its negative.

    `differences`: any shape with pairs in the last axis, which the result does not have. A difference of 0 counts half on each side.
    """
    import numpy as np
    from scipy.stats import norm, rankdata

    count = differences.shape[-1]
    ranks = rankdata(np.abs(differences), axis=-1)
    above = (ranks * ((differences > 0) + 0.5 * (differences == 0))).sum(axis=-1)
    if count <= EXACT:
        # Ties give sums between whole numbers; the whole number below has the larger p-value.
        return np.asarray(_survival(count)[np.floor(above).astype(int)])
    centre, scale = count * (count + 1) / 4, np.sqrt(count * (count + 1) * (2 * count + 1) / 24)
    return np.asarray(norm.sf((above - 0.5 - centre) / scale))


def centre(differences: Sequence[float]) -> float:
    """The Hodges-Lehmann estimate of the centre: the median of the means of all pairs, including each value with itself."""
    import numpy as np

    return float(np.median(_means(differences)))


def bounds(differences: Sequence[float], confidence: float = 0.95) -> Bounds | None:
    """Bounds of the centre with that confidence; None with too few differences for it."""
    means = _means(differences)
    count, tail = len(differences), (1 - confidence) / 2
    cut = _cut(count, tail)
    return None if cut < 0 else (float(means[cut]), float(means[-1 - cut]))


def _means(differences: Sequence[float]) -> NDArray[np.float64]:
    import numpy as np

    values = np.asarray(differences, dtype=float)
    first, second = np.triu_indices(len(values))
    return np.sort((values[first] + values[second]) / 2)


@lru_cache(maxsize=512)
def _cut(count: int, tail: float) -> int:
    """The number of sorted means outside the bounds at either end; -1 when no bounds reach the confidence."""
    import numpy as np

    if count > EXACT:
        from scipy.stats import norm

        scale = np.sqrt(count * (count + 1) * (2 * count + 1) / 24)
        return int(count * (count + 1) / 4 + norm.ppf(tail) * scale)
    below = 1 - _survival(count)[1:]  # chance of a sum of at most 0, 1, ...
    return int(np.searchsorted(below, tail, side="right")) - 1


@lru_cache(maxsize=EXACT + 1)
def _survival(count: int) -> NDArray[np.float64]:
    """Probability that the ranks of the positive differences sum to at least 0, 1, ... count (count + 1) / 2, and beyond."""
    import numpy as np

    ways = np.ones(1)
    for rank in range(1, count + 1):
        grown = np.zeros(len(ways) + rank)
        grown[: len(ways)] += ways / 2
        grown[rank:] += ways / 2
        ways = grown
    return np.append(np.cumsum(ways[::-1])[::-1], 0.0)
