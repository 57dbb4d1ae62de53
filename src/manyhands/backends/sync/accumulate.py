"""`accumulate=K`: one step of the optimizer, and one exchange, for K batches (`no_sync` of DistributedDataParallel).

A step learns from K times the rows, so there are K times fewer: another optimisation at the same batch size. With a K-th of the batch
size it is that of `every-step`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy, check_interval

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel


class Accumulate(Strategy):
    """Gradients of K batches add up before they are averaged."""

    name: ClassVar[str] = "accumulate"
    summary: ClassVar[str] = "adds up the gradients of K batches, averages them, and makes one step"
    takes: ClassVar[str] = "K"

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.batches = self.whole(2)

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        check_interval(self, self.batches, site.batches, "batches", site)
        return super().begin(site, wrapped)
