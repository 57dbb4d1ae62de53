"""The rows of one worker: prepared by the backend, read from a folder, or fetched from a store by the worker."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.ranks.rank import Rank
from manyhands.data.fetch_request import FetchRequest, Share
from manyhands.data.store.opening import open_store
from manyhands.errors import DataError
from manyhands.machine import host_name, placed
from manyhands.measure.phases import now
from manyhands.plan import RunSpec
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.network import NetworkWorkload

ROWS_SUM_MODULUS = 1 << 256
NOT_FETCHED = {"fetch_s": None, "bytes_moved": None, "requests": None}


@dataclass(frozen=True)
class Loaded:
    """The rows that a worker trains on."""

    arrays: Arrays
    rows: int
    """Training rows of all workers together."""
    fetched: Mapping[str, Any]
    """`fetch_s` (part of the phase `load`), `bytes_moved` and `requests`; each is None when nothing was fetched."""


def load_rows(rank: Rank, workload: NetworkWorkload, spec: RunSpec, prepared: Callable[[], Arrays] | None) -> Loaded:
    """The worker's training rows; rank 0 also has the held-out rows, because it scores.

    Without `--shard-data` every worker has all training rows, because each epoch deals them out anew. Raises DataError when rows
    cannot be read; the message names the host when there may be several.
    """
    try:
        return _load(rank, workload, spec, prepared)
    except DataError as error:
        if spec.address is None:
            raise
        raise DataError(placed(str(error), host_name())) from None


def _load(rank: Rank, workload: NetworkWorkload, spec: RunSpec, prepared: Callable[[], Arrays] | None) -> Loaded:
    share = Share(rank.rank, rank.world_size, spec.total_samples) if spec.shard_data else None
    if spec.data and not prepared:
        return _fetch(rank, workload, spec, share)
    arrays = prepared() if prepared else workload.load(Path(spec.data_dir) if spec.data_dir else None)
    if share:
        return Loaded(arrays.shared_rows(share), spec.total_samples or len(arrays.x_train), NOT_FETCHED)
    arrays = arrays.training_rows(spec.total_samples)
    return Loaded(arrays, len(arrays.x_train), NOT_FETCHED)


def _fetch(rank: Rank, workload: NetworkWorkload, spec: RunSpec, share: Share | None) -> Loaded:
    began = now()
    store = open_store(spec.data or "", spec.reader)
    found = workload.fetch(store, FetchRequest(test=rank.rank == 0, share=share))
    fetched = {"fetch_s": now() - began, "bytes_moved": store.bytes_moved, "requests": store.requests}
    if share:
        return Loaded(found.arrays, spec.total_samples or found.rows, fetched)
    arrays = found.arrays.training_rows(spec.total_samples)
    return Loaded(arrays, len(arrays.x_train), fetched)


def rows_sum(x: NDArray[Any], y: NDArray[Any]) -> str:
    """The sum of the hashes of all rows with their labels, in hexadecimal; it does not depend on how the rows are split."""
    x, y = np.ascontiguousarray(x), np.ascontiguousarray(y)
    hashes = (hashlib.sha256(row.tobytes() + label.tobytes()).digest() for row, label in zip(x, y, strict=True))
    return f"{sum(int.from_bytes(digest) for digest in hashes) % ROWS_SUM_MODULUS:x}"
