"""The ratio of one cell's throughput to another's, with a 95 % interval over launches.

The launches of one block (same invocation, same repeat) ran close together in time, so they form a pair: slow drift of the
machine affects both and cancels in their ratio. Ratios are averaged on the log scale, where 2 x and 1/2 x are equally far from 1.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manyhands.analysis.intervals import BOOTSTRAP_FROM, Bounds, bootstrap_interval, t_interval, welch_interval

Block = tuple[str, int]
"""Identity of an invocation, and the repeat in it."""


@dataclass(frozen=True)
class LaunchValue:
    """The result of one launch: a positive amount (for example rows a second), and the block of the launch."""

    block: Block
    value: float
    engine: str = ""
    """The engine that served this launch and others (`--reuse-engine`); empty for a launch with processes of its own."""


@dataclass(frozen=True)
class Ratio:
    """A ratio of two cells; `low` and `high` are its 95 % bounds, None with one launch."""

    value: float
    low: float | None
    high: float | None
    launches: int
    """The number of pairs of launches, or of launches of the cell with fewer."""
    method: str
    """`bootstrap`, `paired t`, `unpaired t` or `one launch`."""


def ratio(base: Sequence[LaunchValue], other: Sequence[LaunchValue]) -> Ratio | None:
    """The other cell's value divided by the base cell's; None when a cell has no launch.

    When every launch of the smaller cell has a partner in its block, the ratio is paired: the geometric mean of the ratios, with
    an interval on their logarithms from the hierarchical bootstrap (6 or more pairs) or from Student's t. Otherwise it is the ratio
    of the geometric means, with Welch's t-interval. `intervals` explains why the bootstrap needs 6 pairs.
    """
    if not base or not other:
        return None
    bases, others = _by_block(base), _by_block(other)
    logs = {block: others[block] - bases[block] for block in others if block in bases}
    if len(logs) == min(len(bases), len(others)):
        return _paired(logs)
    return _unpaired([math.log(launch.value) for launch in base], [math.log(launch.value) for launch in other])


def _by_block(launches: Sequence[LaunchValue]) -> dict[Block, float]:
    """Block -> logarithm of the value; the mean when a block has the cell twice."""
    found: dict[Block, list[float]] = {}
    for launch in launches:
        found.setdefault(launch.block, []).append(math.log(launch.value))
    return {block: statistics.fmean(logs) for block, logs in found.items()}


def _paired(logs: Mapping[Block, float]) -> Ratio:
    if len(logs) < BOOTSTRAP_FROM:
        return _ratio(statistics.fmean(logs.values()), t_interval(list(logs.values())), len(logs), "paired t")
    invocations: dict[str, list[float]] = {}
    for (invocation, _), log in logs.items():
        invocations.setdefault(invocation, []).append(log)
    return _ratio(statistics.fmean(logs.values()), bootstrap_interval(list(invocations.values())), len(logs), "bootstrap")


def _unpaired(base: Sequence[float], other: Sequence[float]) -> Ratio:
    centre = statistics.fmean(other) - statistics.fmean(base)
    return _ratio(centre, welch_interval(base, other), min(len(base), len(other)), "unpaired t")


def _ratio(centre: float, bounds: Bounds | None, launches: int, method: str) -> Ratio:
    if bounds is None:
        return Ratio(math.exp(centre), None, None, launches, "one launch")
    # Two launches with very different values give bounds beyond the range of a float; exp(700) is just inside.
    low, high = (math.exp(min(700.0, max(-700.0, bound))) for bound in bounds)
    return Ratio(math.exp(centre), low, high, launches, method)
