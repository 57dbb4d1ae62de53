"""Three laws of scaling: the speed-up of N workers over one worker.

Amdahl      S(N) = N / (1 + sigma (N - 1))                  doi:10.1145/1465482.1465560
            sigma: serial share of one worker's time
Gustafson   S(N) = N - s (N - 1)                            doi:10.1145/42411.42415
            s: serial share of N workers' time
USL         S(N) = N / (1 + alpha (N - 1) + beta N (N - 1))   Gunther 2007, doi:10.1007/978-3-540-31010-5
            alpha: contention, workers queue for a shared resource; beta: coherency, every worker waits for every other

Throughput is X(N) = gamma S(N), with gamma the throughput of one worker. Amdahl's law is for fixed work, Gustafson's for work that
grows with the workers, the Universal Scalability Law (USL) for both; with beta = 0 it equals Amdahl's.

Do not trust a law beyond about twice the largest measured worker count, or across a change of the machine (one host to several,
cores to hyper-threads), or when a smaller batch changes the cost of a row. A negative fraction means more than linear speed-up, for
example through caches, which no law explains.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """A law that can be fitted. Its parameters come after gamma."""

    name: str
    parameters: tuple[str, ...]
    meanings: tuple[str, ...]
    speedup: Callable[..., Array]
    """N and the parameters -> S(N)."""
    start: tuple[float, ...]
    """Start values of a fit: little overhead."""
    scalings: tuple[str, ...]
    """The values of `--scaling` that the law is for."""

    @property
    def needs(self) -> int:
        """The number of worker counts needed for a fit: one more than the number of parameters, including gamma."""
        return len(self.parameters) + 2


def amdahl(workers: Array, sigma: float) -> Array:
    """S(N) = N / (1 + sigma (N - 1)): never above 1 / sigma."""
    return workers / (1 + sigma * (workers - 1))


def gustafson(workers: Array, serial: float) -> Array:
    """S(N) = N - s (N - 1): a straight line."""
    return workers - serial * (workers - 1)


def usl(workers: Array, alpha: float, beta: float) -> Array:
    """S(N) = N / (1 + alpha (N - 1) + beta N (N - 1)): it decreases again for large N."""
    return workers / (1 + alpha * (workers - 1) + beta * workers * (workers - 1))


def usl_peak(alpha: float, beta: float) -> float:
    """The N with the highest S(N): sqrt((1 - alpha) / beta), at least 1; infinite when S(N) never decreases (beta <= 0)."""
    if beta <= 0:
        return math.inf
    return max(1.0, math.sqrt(max(0.0, 1 - alpha) / beta))


AMDAHL = Law("Amdahl's law", ("sigma",), ("serial fraction",), amdahl, (0.05,), ("fixed",))
GUSTAFSON = Law("Gustafson's law", ("s",), ("serial fraction",), gustafson, (0.05,), ("growing",))
USL = Law("Universal Scalability Law", ("alpha", "beta"), ("contention", "coherency"), usl, (0.05, 0.0001), ("fixed", "growing"))
LAWS = (AMDAHL, GUSTAFSON, USL)
