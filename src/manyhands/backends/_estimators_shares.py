"""Rows of parts dealt out to workers, for engines whose workers read their own: contiguous, and as many for each as can be."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from manyhands.data.parts import Part, Rows

Slice = tuple[Part, int, int]
"""A part, the number of the first row of it that is meant, and of the first that is not any more."""


def shares(rows: Rows, workers: int) -> list[list[Slice]]:
    """The slices of each worker, in the order of the rows; empty for some where there are fewer rows than workers."""
    bounds = [len(rows) * worker // workers for worker in range(workers + 1)]
    return [list(_slices(rows, low, high)) for low, high in pairwise(bounds)]


def _slices(rows: Rows, low: int, high: int) -> Iterator[Slice]:
    start = 0
    for part in rows.parts:
        first, last = max(low - start, 0), min(high - start, part.rows)
        if first < last:
            yield part, first, last
        start += part.rows
