"""Rows in the memory of Dask's workers: each worker reads its own share from the parts, and spills rows that do not fit.

No row passes through the driver. A worker's share is consecutive rows, in chunks. With a memory limit a chunk is one part;
without a limit it is as many parts as fit in CHUNK_BYTES, because each chunk is one task in every iteration, and Dask's cost
for a task of a few milliseconds is larger than the task.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from manyhands.backends.dask.library import array_module, distributed_module
from manyhands.backends.dask.workers import Workers
from manyhands.backends.estimators.shares import Slice, read_x, read_y, shares_of_all
from manyhands.data.fingerprint import Fingerprint, fingerprint, total
from manyhands.data.row_parts import Rows

CHUNK_BYTES = 256e6


def pieces(slices: Sequence[Slice], row_bytes: int, limited: bool) -> list[list[Slice]]:
    """A worker's slices, grouped into chunks."""
    found: list[list[Slice]] = []
    used = 0.0
    for part, low, high in slices:
        size = (high - low) * row_bytes
        if not found or limited or used + size > CHUNK_BYTES:
            found.append([])
            used = 0.0
        found[-1].append((part, low, high))
        used += size
    return found


@dataclass(frozen=True)
class Spread:
    """Rows in the workers: Dask arrays `x` (rows, columns) and `y` (rows,), `y` None without labels, and each worker's chunks."""

    x: Any
    y: Any
    chunks: Sequence[Sequence[tuple[Any, ...]]]
    """For each worker, the futures of its chunks: (x,) or (x, y)."""

    def fingerprints(self, workers: Workers) -> list[Fingerprint]:
        """The fingerprint of each worker's rows, computed in that worker."""
        asked = [
            [workers.client.submit(fingerprint, *chunk, workers=[address], pure=False) for chunk in chunks]
            for address, chunks in zip(workers.addresses, self.chunks, strict=True)
        ]
        return [total(found) for found in workers.client.gather(asked)]


def spread(workers: Workers, rows: Rows, labelled: bool, limited: bool = False) -> Spread:
    """Makes the workers read the rows, and returns when all rows are read. `limited`: memory is limited, so chunks are small."""
    row_bytes = len(rows.columns) * np.dtype(rows.dtype).itemsize
    given = [
        (address, piece)
        for address, share in zip(workers.addresses, shares_of_all(rows, len(workers.addresses)), strict=True)
        for piece in pieces(share, row_bytes, limited)
    ]
    run, sizes = uuid.uuid4().hex, tuple(sum(high - low for _, low, high in piece) for _, piece in given)

    def read(function: Callable[..., Any], name: str, *column: int) -> dict[tuple[Any, ...], Any]:
        # Futures under the keys of the array's chunks: the same state as after `persist`.
        keys = [(name, number, *column) for number in range(len(given))]
        return {
            key: workers.client.submit(function, *piece, key=key, workers=[address])
            for key, (address, piece) in zip(keys, given, strict=True)
        }

    x, y = read(read_x, f"x-{run}", 0), read(read_y, f"y-{run}") if labelled else {}
    with workers.client.as_current():
        distributed_module().wait([*x.values(), *y.values()])
    for future in (*x.values(), *y.values()):
        if future.status != "finished":
            future.result()  # raises the exception of the task
    pairs = list(zip(x.values(), y.values(), strict=True)) if labelled else [(future,) for future in x.values()]
    da = array_module()
    return Spread(
        da.Array(x, f"x-{run}", chunks=(sizes, (len(rows.columns),)), dtype=rows.dtype),
        da.Array(y, f"y-{run}", chunks=(sizes,), dtype="int32") if labelled else None,
        [[pair for pair, (at, _) in zip(pairs, given, strict=True) if at == address] for address in workers.addresses],
    )
