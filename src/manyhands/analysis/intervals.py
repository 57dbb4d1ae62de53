"""95 % intervals of a mean: Student's t, and how the errors of two means add up."""

from __future__ import annotations

import math


def t_quantile(freedom: float) -> float:
    """The number of standard errors in half of a 95 % interval, for the given degrees of freedom. Student 1908, doi:10.1093/biomet/6.1.1."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.975))


def reach_of_difference(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Half of the 95 % interval of the difference of two independent means, each given by its variance and degrees of freedom.

    Source: Welch 1947, doi:10.1093/biomet/34.1-2.28.
    """
    variance = one[0] + other[0]
    weights = sum(part**2 / freedom for part, freedom in (one, other))
    return t_quantile(variance**2 / weights) * math.sqrt(variance) if weights else 0.0
