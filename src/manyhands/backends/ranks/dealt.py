"""`Dealt`: the rows of a user's dataset with a length, dealt out to the workers in our order.

So all worker counts train the same rows in the same steps. `stream.py` has the batches of all other data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from manyhands.backends.ranks.nested import to_device
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.sampler import ShardSampler
from manyhands.backends.ranks.work import Taken
from manyhands.data.partition import Batch
from manyhands.errors import DataError
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

Settings = Mapping[str, Any]
"""Arguments of a DataLoader."""


class Dealt:
    """Rows in our order; those that were trained are counted and hashed when they are taken."""

    proved = ("numbers of rows", "order of rows")
    not_proved = ("contents of rows",)
    ragged = False

    def __init__(
        self, dataset: Any, collate: Callable[[Any], Any], settings: Settings, rank: Rank, spec: RunSpec, whole: bool = False
    ) -> None:
        """`whole`: leave out the last batch of an epoch when it is not full. Raises DataError for too few rows."""
        have, asked = len(dataset), spec.total_samples
        self.chosen = None if asked is None else np.random.default_rng(0).permutation(have)[:asked]
        rows = have if asked is None else asked
        if rows > have:
            raise DataError(f"the dataset has {have} rows, {rows} were asked for; use fewer --samples")
        step = spec.worker_batch_size * rank.world_size
        self.rows = rows - rows % step if whole else rows
        if self.rows < rank.world_size:
            of = f"less than one whole batch of {step}" if whole and rows >= rank.world_size else f"for {rank.world_size} workers"
            raise DataError(f"the dataset has {rows} rows {of}; use more rows, a smaller batch or fewer workers")
        self.sampler = ShardSampler(self.rows, rank.world_size, rank.rank, spec, of=rows)
        self.dataset, self.collate, self.settings, self.device = dataset, collate, settings, rank.device
        self.batches = len(self.sampler)

    def loader(self) -> DataLoader[Any]:
        """A new loader over the batches of the epoch."""
        from torch.utils.data import DataLoader

        rows: Any = Batches(self.dataset, self.collate, self.chosen)
        return DataLoader(rows, batch_size=None, sampler=Ahead(self.sampler), collate_fn=_as_it_is, **self.settings)

    def begin(self, epoch: int) -> None:
        """Chooses the order of an epoch."""
        self.sampler.set_epoch(epoch)

    def take(self, item: Any) -> Taken:
        """Counts the rows of a batch."""
        batch, weight, numbers = item
        if not weight:
            return to_device(batch, self.device), weight, 0
        self.sampler.count(numbers)
        return to_device(batch, self.device), weight, len(numbers)

    def warmed_up(self) -> None:
        """Forgets the rows of the warm-up."""
        self.sampler.forget()

    @property
    def seen(self) -> dict[str, Any]:
        """Rows trained and their hash."""
        return {"rows_seen": self.sampler.rows_seen, "rows_sha256": self.sampler.rows_hash.hexdigest()}

    def first_batch(self, batch: Any, rank: Rank) -> list[str]:
        """Nothing to caution against."""
        return []


class Ahead:
    """The batches of a sampler, uncounted: a loader's processes ask for them before they are trained.

    It has no `set_epoch`, which Lightning Fabric would call with a count of its own.
    """

    def __init__(self, sampler: ShardSampler) -> None:
        self.sampler = sampler

    def __iter__(self) -> Iterator[Batch]:
        return self.sampler.batches()

    def __len__(self) -> int:
        return len(self.sampler)


class Batches:
    """A dataset whose rows are whole batches."""

    def __init__(self, dataset: Any, collate: Callable[[Any], Any], chosen: Any) -> None:
        """`chosen`: the numbers of the rows that are trained; None means all."""
        self.dataset, self.collate, self.chosen = dataset, collate, chosen

    def __getitem__(self, batch: Batch) -> tuple[Any, float, Any]:
        numbers = (batch.indices if self.chosen is None else self.chosen[batch.indices]).tolist()
        fetch = getattr(self.dataset, "__getitems__", None)
        rows = fetch(numbers) if fetch else [self.dataset[number] for number in numbers]
        return self.collate(rows), batch.weight, batch.indices


def _as_it_is(batch: Any) -> Any:
    return batch
