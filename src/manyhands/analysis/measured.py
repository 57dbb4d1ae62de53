"""The measured value beside a published one: of several launches, and its change from one variant of a study to the other."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from manyhands.analysis.intervals import reach_of_difference, t_quantile


@dataclass(frozen=True)
class Measured:
    """The measured value of one variant. Without a value, `note` gives the reason."""

    value: float | None
    low: float | None = None
    high: float | None = None
    sd: float | None = None
    """Standard deviation over launches, for a quality."""
    launches: int = 0
    note: str = ""
    error: tuple[float, float] | None = None
    """Variance and degrees of freedom of the value, of its logarithm for a speed-up; None with too few launches."""
    runs: tuple[str, ...] = ()
    """The ids of the records that gave the value."""


def mean_of(values: Iterable[float | None]) -> Measured:
    """The mean over launches, each with a seed of its own, with Student's interval."""
    known = tuple(value for value in values if value is not None)
    if not known:
        return Measured(None, note="not a number in any launch")
    centre = statistics.fmean(known)
    if len(known) == 1:
        return Measured(centre, launches=1)
    sd, freedom = statistics.stdev(known), len(known) - 1
    variance = sd**2 / len(known)
    reach = t_quantile(freedom) * math.sqrt(variance)
    return Measured(centre, centre - reach, centre + reach, sd=sd, launches=len(known), error=(variance, freedom))


def ratio_of(before: Measured, after: Measured) -> Measured | None:
    """The later speed-up over the earlier one; None without both."""
    if not before.value or not after.value:
        return None
    value, reach = after.value / before.value, _reach(before, after)
    if reach is None:
        return Measured(value)
    # Few launches with very different values give bounds beyond the range of a float; exp(700) is just inside.
    low, high = (math.exp(max(-700.0, min(700.0, math.log(value) + side * reach))) for side in (-1, 1))
    return Measured(value, low, high)


def difference_of(before: Measured, after: Measured) -> Measured | None:
    """The later value minus the earlier one; None without both."""
    if before.value is None or after.value is None:
        return None
    value, reach = after.value - before.value, _reach(before, after)
    return Measured(value) if reach is None else Measured(value, value - reach, value + reach)


def _reach(before: Measured, after: Measured) -> float | None:
    return reach_of_difference(before.error, after.error) if before.error and after.error else None
