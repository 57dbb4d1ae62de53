"""The rows that one process needs of a data set, so that it fetches no others."""

from __future__ import annotations

from dataclasses import dataclass

from manyhands.errors import DataError


@dataclass(frozen=True)
class Share:
    """One worker's contiguous part of the training rows, the same in every epoch."""

    rank: int
    workers: int
    samples: int | None
    """Training rows of all workers together, taken from the start of the set; None means all rows."""

    def rows(self, have: int, source: str) -> range:
        """The worker's row numbers out of `have` rows; the shares of two workers differ by at most one row.

        Raises DataError that names `source` when there are too few rows.
        """
        total = have if self.samples is None else self.samples
        if total > have:
            raise DataError(f"{source} has {have} training rows, {total} were asked for; use fewer --samples")
        if total < self.workers:
            raise DataError(f"{total} rows cannot be spread over {self.workers} workers; use more rows or fewer workers")
        return share_of(total, self.workers, self.rank)


def share_of(total: int, workers: int, rank: int) -> range:
    """Rows `total * rank / workers` to `total * (rank + 1) / workers`, rounded down."""
    return range(total * rank // workers, total * (rank + 1) // workers)


@dataclass(frozen=True)
class FetchRequest:
    """The rows of a data set to fetch."""

    train: bool = True
    test: bool = True
    share: Share | None = None
    """The part of the training rows to fetch; None means all of them."""
