"""Series of times within launches -> where the steady state begins: found by change points, not guessed.

The first epochs of a launch can be slower (caches fill, a clock rises), in every launch alike. Source of the idea: Barrett et
al. 2017, "Virtual machine warmup blows hot and cold", doi:10.1145/3133876.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from manyhands.errors import Unavailable

TOLERANCE = 0.02
"""A segment whose level is within this share of the last one's belongs to the steady state."""
FEWEST = 4
"""Epochs below which no change point is looked for."""


@dataclass(frozen=True)
class Steady:
    """From which epoch on a launch is steady, counted from 0, and whether it ever is."""

    start: int
    found: bool
    """False when the level still changes in the last half: then all epochs count, and the reader is told."""
    middle: bool = False
    """Takes the median epoch in place of the fastest, to see how often that is wrong."""

    def of(self, series: Sequence[float]) -> float:
        """The fastest epoch of the steady part of one launch.

        What other programs do to an epoch only ever adds to it, so the fastest scatters least between launches. Source: Chen and
        Revels 2016, "Robust benchmarking in noisy environments", arXiv:1608.04295. What happens in some epochs alone is not in it.
        """
        steady = series[self.start :]
        return float(median(steady) if self.middle else min(steady))


def find_steady(launches: Sequence[Sequence[float]]) -> Steady:
    """Where all launches together are steady. `launches`: seconds of every epoch, equally many in each launch.

    Every launch is set in relation to its own middle, the middle over the launches is taken epoch by epoch, and change points
    are looked for in that profile by PELT (Killick et al. 2012, doi:10.1080/01621459.2012.737745).
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
    # The variance of a middle over launches, from how far each launch lies from the profile.
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
