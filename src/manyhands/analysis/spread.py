"""Values of several launches -> their mean, sample standard deviation and median. Values that were not measured are left out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

LARGEST = 1e150
"""The bound of a measured value; the square of what is below it is a number too."""


@dataclass(frozen=True)
class LaunchSpread:
    """Values of one quantity over the launches of a cell, in the unit of the values."""

    count: int
    mean: float
    sd: float | None
    """Sample standard deviation (n - 1); None for a single value."""
    median: float


@dataclass(frozen=True)
class Estimate:
    """A number and its 95 % interval; the bounds are None with too few launches."""

    value: float
    low: float | None
    high: float | None


def spread(values: Iterable[object]) -> LaunchSpread | None:
    """The spread of the values that are finite numbers; None when there is none."""
    numbers = [value for value in map(finite_or_none, values) if value is not None]
    if not numbers:
        return None
    centre = statistics.fmean(numbers)
    # Not statistics.stdev: its exact fractions are slow for thousands of records.
    sd = math.sqrt(math.fsum((value - centre) ** 2 for value in numbers) / (len(numbers) - 1)) if len(numbers) > 1 else None
    return LaunchSpread(len(numbers), centre, sd, statistics.median(numbers))


def mean(values: Iterable[object]) -> float | None:
    """The mean of the values that are finite numbers; None when there is none."""
    found = spread(values)
    return found.mean if found else None


def finite_or_none(value: object) -> float | None:
    """The value as a float when it is a finite number below LARGEST, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -LARGEST < value < LARGEST else None
