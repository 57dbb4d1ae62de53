"""What one process needs of a data set, so that no more than that is fetched."""

from __future__ import annotations

from dataclasses import dataclass

from manyhands.errors import DataError


@dataclass(frozen=True)
class Share:
    """The same contiguous part of the training rows for one worker in every epoch."""

    rank: int
    workers: int
    samples: int | None
    """Training rows of all workers together, the first of the set; None means all of them."""

    def rows(self, have: int, source: str) -> range:
        """The worker's rows out of `have`; the shares of two workers differ by one row at most.

        Raises DataError, which names `source`, when there are too few.
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
    """What to fetch."""

    train: bool = True
    test: bool = True
    share: Share | None = None
    """Which of the training rows; None means all of them."""
