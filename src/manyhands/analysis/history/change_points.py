"""One series -> the commits where its level changes, if two methods agree, and its drift since the last release.

The methods: kernel change point detection (Celisse et al. 2018, doi:10.1016/j.csda.2018.07.002) and PELT on absolute deviations
(Killick et al. 2012, doi:10.1080/01621459.2012.737745), both from ruptures. They fail differently: the first sees a change of any
kind, the second is robust against a single bad measurement. On 40 simulated series of 22 commits with 1 % noise, both methods
find a step of 5 % in all series, and a step in the last 3 commits in 33. On noise alone, the first method is wrong in 1 series and
the second in 2, never at the same commit. asv's own step detection found 17 of the steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.history.series import CommitSeries, Order
from manyhands.errors import Unavailable

FEWEST = 8
"""The smallest number of commits in which changes are searched for; docs/results/history.md has the rates from 8 commits on."""
PENALTY, SHORT = 3.0, 10
"""The penalty of a change for the kernel method, less in histories of fewer commits: their whole cost is smaller."""
NEAR = 1
"""The largest distance, in commits, between the findings of the two methods."""
RECENT = 5
"""The number of commits that represent the present, and a release, when drift is measured."""


@dataclass(frozen=True)
class Shift:
    """A change of level. Its bounds have 95 % confidence; they are None with too few commits on one side."""

    ratio: float
    """The level after the change divided by the level before it."""
    low: float | None
    high: float | None
    confidence: float
    """1 minus the p-value of a rank test between the two sides, corrected for the number of all tested changes."""


@dataclass(frozen=True)
class ChangePoint:
    """The place where the level of a series changes."""

    series: str
    after: str
    """The last commit that surely has the old level; a later commit made the change."""
    by: str
    """The first commit that surely has the new level; this or an earlier commit made the change."""
    shift: Shift
    """The change between the commits before it and after it, up to the neighbouring changes."""


@dataclass(frozen=True)
class Drift:
    """The change from the last release to the newest commits."""

    series: str
    release: str
    commits: int
    """Commits measured since the release."""
    shift: Shift


def change_points(series: CommitSeries) -> list[ChangePoint]:
    """The changes that both methods find, oldest first; none in a series of fewer than 8 commits."""
    values = [math.log(value) for value in series.values if value > 0]
    if len(values) < FEWEST or len(values) < len(series.points):
        return []
    first, second = kernel(values), pelt(values)
    agreed = [place for place in first if any(abs(place - other) <= NEAR for other in second)]
    edges = [0, *agreed, len(values)]
    found = []
    for number, place in enumerate(agreed):
        before, after = edges[number], edges[number + 2]
        early, late = where(values[before:after], place - before)
        sides = shift(values[before:place], values[place:after])
        found.append(
            ChangePoint(series.name, series.points[before + early - 1].commit, series.points[before + late].commit, sides)
        )
    return found


def where(values: Sequence[float], place: int) -> tuple[int, int]:
    """The first and the last index at which the new level may begin, because two levels fit nearly as well there as at `place`.

    "Nearly" means within a 95 % likelihood ratio for Laplace noise, whose width comes from the fit at `place`.
    """
    import numpy as np

    def cost(split: int) -> float:
        return float(sum(np.abs(side - np.median(side)).sum() for side in (signal[:split], signal[split:])))

    signal = np.asarray(values, dtype=float)
    best = cost(place)
    width = max(best / len(signal), 1e-6)
    near = [split for split in range(1, len(signal)) if cost(split) <= best + 1.92 * width]
    return min([*near, place]), max([*near, place])


def kernel(values: Sequence[float]) -> list[int]:
    """Indices of the first value of each new level, by kernel change point detection with a Gaussian kernel; its width is the
    median distance between two values."""
    import numpy as np

    signal = np.asarray(values, dtype=float).reshape(-1, 1)
    found = _ruptures().KernelCPD(kernel="rbf", min_size=2).fit(signal).predict(pen=PENALTY * min(1.0, len(values) / SHORT))
    return [int(place) for place in found[:-1]]


def pelt(values: Sequence[float]) -> list[int]:
    """Indices of the first value of each new level, by PELT on absolute deviations. The size of the noise comes from differences
    of neighbours, which do not depend on the level."""
    import numpy as np

    signal = np.asarray(values, dtype=float)
    steps = np.diff(signal)
    noise = max(1.4826 * float(np.median(np.abs(steps - np.median(steps)))) / math.sqrt(2), 1e-4)
    fitted = _ruptures().Pelt(model="l1", min_size=2, jump=1).fit(signal.reshape(-1, 1))
    return [int(place) for place in fitted.predict(pen=2 * math.log(len(signal)) * noise)[:-1]]


def _ruptures() -> Any:
    try:
        import ruptures
    except ImportError:
        raise Unavailable("finding change points needs ruptures: pip install 'manyhands[history]'") from None
    return ruptures


def drift(series: CommitSeries, order: Order) -> Drift | None:
    """The newest commits compared with those up to the last release; None without a release, or with too few commits of either."""
    place = {commit: number for number, commit in enumerate(order.commits)}
    for name, commit in reversed(order.releases):
        until = [point.value for point in series.points if place[point.commit] <= place[commit]]
        since = [point.value for point in series.points if place[point.commit] > place[commit]]
        sides = [[math.log(value) for value in side[-RECENT:] if value > 0] for side in (until, since)]
        if since and until:
            # With fewer, not even the largest difference between the sides would be significant.
            return (
                Drift(series.name, name, len(since), shift(*sides))
                if 2 / math.comb(sum(map(len, sides)), len(sides[0])) < 0.05
                else None
            )
    return None


def shift(before: Sequence[float], after: Sequence[float]) -> Shift:
    """The shift between two groups of logarithms: the Hodges-Lehmann estimate, and a rank test (Mann and Whitney 1947,
    doi:10.1214/aoms/1177730491)."""
    import numpy as np
    from scipy.stats import mannwhitneyu

    apart = np.sort(np.subtract.outer(np.asarray(after), np.asarray(before)).ravel())
    p = float(mannwhitneyu(before, after, alternative="two-sided").pvalue)
    bounds = _bounds(apart.tolist(), len(before), len(after))
    low, high = (math.exp(bounds[0]), math.exp(bounds[1])) if bounds else (None, None)
    return Shift(math.exp(float(np.median(apart))), low, high, 1 - p)


def _bounds(apart: Sequence[float], before: int, after: int) -> tuple[float, float] | None:
    """Bounds of a shift from the sorted differences: the exact rank test at 2.5 % gives how many to drop at each end."""
    import numpy as np

    ways = np.zeros(before * after + 1)
    ways[0] = 1.0
    for number in range(1, before + 1):  # the Gaussian binomial coefficient: the number of orders with each rank sum
        grown = ways.copy()
        grown[after + number :] -= ways[: -(after + number)] if after + number <= before * after else 0
        for place in range(number, len(grown)):
            grown[place] += grown[place - number]
        ways = grown
    below = np.cumsum(ways) / math.comb(before + after, before)
    cut = int(np.searchsorted(below, 0.025, side="right")) - 1
    return (float(apart[cut]), float(apart[-1 - cut])) if cut >= 0 else None
