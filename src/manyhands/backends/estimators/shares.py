"""Rows of parts dealt out to workers that read their own: contiguous, and equal in number except for one row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.row_parts import Part, Rows
from manyhands.errors import DataError

Slice = tuple[Part, int, int]
"""(part, first row, one past the last row)."""


def shares(rows: Rows, workers: int) -> list[list[Slice]]:
    """The slices of each worker, in the order of the rows; some are empty when there are fewer rows than workers."""
    bounds = [len(rows) * worker // workers for worker in range(workers + 1)]
    return [list(_slices(rows, low, high)) for low, high in pairwise(bounds)]


def shares_of_all(rows: Rows, workers: int) -> list[list[Slice]]:
    """The slices of each worker; raises DataError when there are fewer rows than workers."""
    if len(rows) < workers:
        raise DataError(f"{len(rows)} rows cannot be spread over {workers} workers; use more rows or fewer workers")
    return shares(rows, workers)


def _slices(rows: Rows, low: int, high: int) -> Iterator[Slice]:
    start = 0
    for part in rows.parts:
        first, last = max(low - start, 0), min(high - start, part.rows)
        if first < last:
            yield part, first, last
        start += part.rows


def read_x(*slices: Slice) -> NDArray[Any]:
    """Features (rows, columns) of slices that follow each other, in memory."""
    return _joined([part.x()[low:high] for part, low, high in slices])


def read_y(*slices: Slice) -> NDArray[np.int32]:
    """Labels (rows,) of slices that follow each other, in memory."""
    return _joined([part.y()[low:high] for part, low, high in slices])


def _joined(arrays: Sequence[NDArray[Any]]) -> NDArray[Any]:
    return np.array(arrays[0]) if len(arrays) == 1 else np.concatenate(arrays)
