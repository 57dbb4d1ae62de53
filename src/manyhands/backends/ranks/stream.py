"""`Stream`: the batches of data that are taken as they come, because they have no length or a sampler of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.nested import fingerprint, rows_of, to_device
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.work import Taken
from manyhands.errors import UsageError
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from torch.utils.data import DataLoader


class Stream:
    """Batches as they come. The workers stop together when the first of them has no more."""

    proved = ()
    not_proved = ("rows", "order of rows")
    batches = rows = None

    def __init__(self, loader: DataLoader[Any], label: str, rank: Rank, spec: RunSpec) -> None:
        """Raises UsageError for options that would not reach the data."""
        if spec.samples is not None:
            raise UsageError(f"{label}: --samples would not reach its data, which are taken as they come; leave it out")
        self.given, self.device = loader, rank.device
        self.ragged = rank.world_size > 1
        self.count = 0

    def loader(self) -> DataLoader[Any]:
        """The loader itself."""
        return self.given

    def begin(self, epoch: int) -> None:
        """Tells a sampler or a dataset that wants to know the epoch."""
        for one in (self.given.sampler, self.given.dataset):
            if callable(tell := getattr(one, "set_epoch", None)):
                tell(epoch)

    def take(self, item: Any) -> Taken:
        """Counts the rows of a batch."""
        rows = rows_of(item)
        self.count += rows
        return to_device(item, self.device), 1.0, rows

    def warmed_up(self) -> None:
        """Forgets the rows of the warm-up."""
        self.count = 0

    @property
    def seen(self) -> dict[str, Any]:
        """Rows trained; their numbers are not known."""
        return {"rows_seen": self.count, "rows_sha256": None}

    def first_batch(self, batch: Any, rank: Rank) -> list[str]:
        """A line when all workers begin with the same batch."""
        if rank.world_size > 1 and rank.same(fingerprint(batch)):
            return [
                f"the {rank.world_size} workers begin with the same batch: if each reads all data, the work is done"
                f" {rank.world_size} times; divide them by torch.distributed.get_rank()"
            ]
        return []
