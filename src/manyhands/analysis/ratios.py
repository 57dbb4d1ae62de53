"""How many times more one cell does than another, with a 95 % interval over launches.

The launches of one block (same invocation, same repeat) ran close together in time, so they form a pair: slow drift of the
machine is in both and cancels in their ratio. Ratios are averaged on the log scale, where 2 x and 1/2 x are equally far from 1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Launch:
    """What one launch did: a positive amount (rows a second, say), and the block that it ran in."""

    block: tuple[str, int]
    """Identity of the invocation and the repeat."""
    value: float


@dataclass(frozen=True)
class Ratio:
    """A ratio of two cells; `low` and `high` bound it with 95 % confidence, None when there is one launch."""

    value: float
    low: float | None
    high: float | None
    launches: int
    """Pairs of launches, or launches of the cell that has fewer."""
    method: str
    """`paired t`, `unpaired t` or `one launch`."""


def ratio(base: Sequence[Launch], other: Sequence[Launch]) -> Ratio | None:
    """The other cell's value over the base cell's; None when a cell has no launch.

    Paired when every launch of the smaller cell has a partner in its block: geometric mean of the ratios, and a t-interval on
    their logarithms. Otherwise the ratio of the geometric means with Welch's t-interval. A bootstrap is not used: with 2 to 5
    launches it can only repeat the few values seen, and its intervals are far too narrow.
    Source: Student 1908, doi:10.1093/biomet/6.1.1; Welch 1947, doi:10.1093/biomet/34.1-2.28.
    """
    if not base or not other:
        return None
    bases, others = _by_block(base), _by_block(other)
    logs = [others[block] - bases[block] for block in others if block in bases]
    if len(logs) == min(len(bases), len(others)):
        return _paired(logs)
    return _unpaired([math.log(launch.value) for launch in base], [math.log(launch.value) for launch in other])


def _by_block(launches: Sequence[Launch]) -> dict[tuple[str, int], float]:
    """Block -> logarithm of the value; the mean where a block holds the cell twice."""
    found: dict[tuple[str, int], list[float]] = {}
    for launch in launches:
        found.setdefault(launch.block, []).append(math.log(launch.value))
    return {block: statistics.fmean(logs) for block, logs in found.items()}


def _paired(logs: Sequence[float]) -> Ratio:
    centre = statistics.fmean(logs)
    if len(logs) < 2:
        return Ratio(math.exp(centre), None, None, len(logs), "one launch")
    error = statistics.stdev(logs) / math.sqrt(len(logs))
    return _interval(centre, error, len(logs) - 1, len(logs), "paired t")


def _unpaired(base: Sequence[float], other: Sequence[float]) -> Ratio:
    centre = statistics.fmean(other) - statistics.fmean(base)
    launches = min(len(base), len(other))
    if launches < 2:
        return Ratio(math.exp(centre), None, None, launches, "one launch")
    parts = [statistics.variance(values) / len(values) for values in (base, other)]
    total = sum(parts)
    weights = sum(part**2 / (len(values) - 1) for part, values in zip(parts, (base, other), strict=True))
    freedom = total**2 / weights if weights else float(launches - 1)
    return _interval(centre, math.sqrt(total), freedom, launches, "unpaired t")


def _interval(centre: float, error: float, freedom: float, launches: int, method: str) -> Ratio:
    from scipy.special import stdtrit

    reach = float(stdtrit(freedom, 0.975)) * error
    # The least degrees of freedom with a wild error give bounds beyond what a float holds; 700 is just inside.
    low, high = (math.exp(min(700.0, max(-700.0, bound))) for bound in (centre - reach, centre + reach))
    return Ratio(math.exp(centre), low, high, launches, method)
