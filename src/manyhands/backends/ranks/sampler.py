"""The rows that a rank takes for each step, in order; rows are counted and hashed when they are handed out.

`ShardSampler` deals all rows to all workers anew in every epoch; `FixedSampler` shuffles a worker's own contiguous rows.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator

import numpy as np

from manyhands.data.fetch_request import share_of
from manyhands.data.partition import Batch, Indices, batches, epoch_order
from manyhands.plan import RunSpec


class ShardSampler:
    """The batches of one rank, reshuffled by `set_epoch`; keeps count and hash of the rows it has handed out."""

    def __init__(self, rows: int, workers: int, rank: int, spec: RunSpec, of: int | None = None) -> None:
        """`rows`: those of an epoch, over all workers; `of`: those of the set, where an epoch has fewer. None means as many."""
        self.of = rows if of is None else of
        self.rows, self.workers, self.rank = rows, workers, rank
        self.seed, self.batch_size = spec.seed, spec.worker_batch_size
        self.set_epoch(0)
        self.forget()

    def set_epoch(self, epoch: int) -> None:
        """Chooses the order of the next pass; epoch 0 is the warm-up."""
        self._order = epoch_order(self.of, self.seed, epoch)[: self.rows]

    def forget(self) -> None:
        """Resets the count and the hash of rows."""
        self.rows_seen, self.rows_hash = 0, hashlib.sha256()

    def __iter__(self) -> Iterator[Batch]:
        for batch in self.batches():
            if batch.weight:
                self.count(batch.indices)
            yield batch

    def count(self, indices: Indices) -> None:
        """Counts and hashes rows that were handed out."""
        self.rows_seen += len(indices)
        self.rows_hash.update(self._numbers(indices))

    def batches(self) -> Iterator[Batch]:
        """The batches of the epoch, not counted."""
        return batches(self._order, self.workers, self.rank, self.batch_size)

    def _numbers(self, indices: Indices) -> bytes:
        """The rows' numbers in the whole set."""
        return indices.tobytes()

    def __len__(self) -> int:
        return math.ceil(math.ceil(self.rows / self.workers) / self.batch_size)


class FixedSampler(ShardSampler):
    """The batches of one rank out of its own share of the rows; indices count from the share's first row.

    Every rank makes as many steps as the rank with most rows. A rank without rows left repeats a row with weight 0.
    """

    def __init__(self, rows: int, workers: int, rank: int, spec: RunSpec) -> None:
        """`rows`: training rows of all workers together."""
        self.shares = [share_of(rows, workers, other) for other in range(workers)]
        super().__init__(rows, workers, rank, spec)

    def set_epoch(self, epoch: int) -> None:
        mine = self.shares[self.rank]
        self._order = np.random.default_rng([self.seed, epoch, self.rank]).permutation(len(mine))

    def batches(self) -> Iterator[Batch]:
        for start in range(0, max(len(share) for share in self.shares), self.batch_size):
            real = [min(max(len(share) - start, 0), self.batch_size) for share in self.shares]
            mine = self._order[start : start + real[self.rank]]
            yield Batch(mine if len(mine) else self._order[:1], real[self.rank] * self.workers / sum(real))

    def _numbers(self, indices: Indices) -> bytes:
        return (indices + self.shares[self.rank].start).tobytes()
