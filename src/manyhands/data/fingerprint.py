"""A hash of a set of rows that depends neither on their order nor on how they are divided between workers.

Engines divide and shuffle rows in their own ways. The sum of the fingerprints of all shards proves that the shards together
hold exactly the intended rows, each once. Rows are hashed as 64-bit numbers with the finaliser of SplitMix64 (Steele, Lea and
Flood, "Fast splittable pseudorandom number generators", 2014) in two lanes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = 0x9E3779B97F4A7C15
LANES = (0, 0x5851F42D4C957F2D)
BLOCK_ROWS = 1 << 16
MASK = (1 << 64) - 1


@dataclass(frozen=True)
class Fingerprint:
    """The number of rows, and the sums of their two hashes modulo 2^64. Plain values that can be added over shards."""

    rows: int = 0
    sums: tuple[int, int] = (0, 0)

    def __add__(self, other: Fingerprint) -> Fingerprint:
        first, second = ((a + b) & MASK for a, b in zip(self.sums, other.sums, strict=True))
        return Fingerprint(self.rows + other.rows, (first, second))

    def hex(self) -> str:
        """33 or more hexadecimal digits: both sums and the number of rows."""
        return f"{self.sums[0]:016x}{self.sums[1]:016x}{self.rows:x}"


def total(parts: Iterable[Fingerprint]) -> Fingerprint:
    """The fingerprint of all rows of all `parts`."""
    return sum(parts, Fingerprint())


def fingerprint(x: NDArray[Any], y: NDArray[Any] | None = None) -> Fingerprint:
    """The fingerprint of the rows of `x` (rows, columns), each with its label in `y` (rows,) if labels are given.

    The same numbers give the same fingerprint as float32 and as float64.
    """
    return total(_block(x[start : start + BLOCK_ROWS], y, start) for start in range(0, len(x), BLOCK_ROWS))


def _block(x: NDArray[Any], y: NDArray[Any] | None, start: int) -> Fingerprint:
    columns = [x] if y is None else [x, np.asarray(y[start : start + len(x)]).reshape(-1, 1)]
    # Adding 0.0 turns -0.0 into 0.0: the two numbers are equal but have different bits.
    bits = (np.hstack([np.asarray(column, np.float64) for column in columns]) + 0.0).view(np.uint64)
    sums = []
    for lane in LANES:
        hashed = np.full(len(bits), lane, np.uint64)
        for column in range(bits.shape[1]):
            hashed = _mix(hashed ^ bits[:, column])
        sums.append(int(np.sum(hashed, dtype=np.uint64)))
    return Fingerprint(len(x), (sums[0], sums[1]))


def _mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    values = values + np.uint64(GOLDEN)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
