"""Series of epoch times within launches -> the epoch at which the steady state begins, found by change points.

The first epochs of every launch can be slower (caches fill, the clock rate rises). Source of the idea: Barrett et al. 2017,
"Virtual machine warmup blows hot and cold", doi:10.1145/3133876.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from manyhands.errors import Unavailable

TOLERANCE = 0.02
"""A segment belongs to the steady state when its level differs from the last segment's level by at most this share."""
FEWEST = 4
"""The smallest number of epochs in which change points are searched for."""


@dataclass(frozen=True)
class Steady:
    """The first steady epoch of a launch, counted from 0; `found` is False when there is no steady state."""

    start: int
    found: bool
    """False when the level still changes in the last half: then all epochs count, and the report mentions it."""
    middle: bool = False
    """True to use the median epoch instead of the fastest, for a study of its error rate."""

    def of(self, series: Sequence[float]) -> float:
        """The fastest epoch of the steady part of one launch.

        Other programs can only make an epoch slower, so the fastest epoch varies least between launches. Source: Chen and Revels
        2016, "Robust benchmarking in noisy environments", arXiv:1608.04295. Effects in only some epochs are not visible in it.
        """
        steady = series[self.start :]
        return float(median(steady) if self.middle else min(steady))


def find_steady(launches: Sequence[Sequence[float]]) -> Steady:
    """The steady state of all launches together. `launches`: seconds of every epoch, the same number in each launch.

    Every launch is divided by its own median. The median over the launches for each epoch gives a profile, in which PELT finds
    change points (Killick et al. 2012, doi:10.1080/01621459.2012.737745).
    """
    import numpy as np

    times = np.asarray(launches, dtype=float)
    epochs = times.shape[1]
    if epochs < FEWEST:
        return Steady(0, True)
    try:
        import ruptures
    except ImportError:
        raise Unavailable("finding the warm-up needs ruptures: pip install 'manyhands[compare]'") from None
    relative = np.log(times / np.median(times, axis=1, keepdims=True))
    profile = np.median(relative, axis=0)
    # The variance of a median over launches, from the distances of the launches from the profile.
    noise = float(np.median(np.abs(relative - profile))) * 1.4826 * math.sqrt(math.pi / 2 / len(times))
    penalty = 3 * math.log(epochs) * max(noise, TOLERANCE / 4) ** 2
    ends = ruptures.Pelt(model="l2", min_size=1, jump=1).fit(profile.reshape(-1, 1)).predict(pen=penalty)
    starts = [0, *ends[:-1]]
    levels = [float(np.mean(profile[start:end])) for start, end in zip(starts, ends, strict=True)]
    first = len(levels) - 1
    while first > 0 and abs(levels[first - 1] - levels[-1]) <= TOLERANCE:
        first -= 1
    start = starts[first]
    return Steady(start, True) if start <= epochs // 2 else Steady(0, False)
