"""Divides the rows of an epoch between workers: deterministic, disjoint, complete and of equal length.

The rows of an epoch are shuffled once for all workers from (seed, epoch); worker r takes every W-th row starting at r, as
`torch.utils.data.DistributedSampler` does. So the W workers' parts of one global batch are together exactly the rows that
one worker would take for that batch, and the optimisation is the same at every worker count.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyhands.errors import DataError

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Shard:
    """The rows of one worker for one epoch, in the order of use."""

    indices: Indices
    """Row numbers; every worker has the same number of them."""
    padding: int
    """Number of last entries that repeat another worker's row to make the lengths equal: 0 or 1."""

    @property
    def rows(self) -> Indices:
        """The rows without padding: over all workers, each row of the epoch exactly once."""
        return self.indices[: len(self.indices) - self.padding]


@dataclass(frozen=True)
class Batch:
    """The rows of one worker for one step."""

    indices: Indices
    weight: float
    """Factor for the mean loss of these rows, so that the mean over the workers is the mean over the global batch."""


def epoch_order(rows: int, seed: int, epoch: int) -> Indices:
    """All row numbers 0..rows-1, shuffled; the order depends only on (seed, epoch)."""
    return np.random.default_rng([seed, epoch]).permutation(rows)


def shard(order: Indices, workers: int, rank: int) -> Shard:
    """Worker `rank`'s part of `order`; when the rows do not divide evenly, the last workers repeat the first rows.

    Raises DataError when there are fewer rows than workers.
    """
    if len(order) < workers:
        raise DataError(f"{len(order)} rows cannot be spread over {workers} workers; use more rows or fewer workers")
    missing = -len(order) % workers
    padded = np.concatenate([order, order[:missing]])
    return Shard(padded[rank::workers], int(missing > 0 and rank >= workers - missing))


def batches(order: Indices, workers: int, rank: int, batch_size: int) -> Iterator[Batch]:
    """Worker `rank`'s batches of at most `batch_size` rows; every worker has the same number of batches. Padding has weight 0.

    Only the last step of an epoch can contain padding. Its weights differ between workers, because some have one row more.
    """
    mine = shard(order, workers, rank)
    for start in range(0, len(mine.indices), batch_size):
        indices = mine.indices[start : start + batch_size]
        everyone = min(len(order) - start * workers, batch_size * workers)
        real = min(len(mine.rows) - start, batch_size)
        weight = 1.0 if real * workers == everyone else real * workers / everyone
        yield Batch(indices[: max(real, 1)], weight)
