"""`local=K`: every worker trains alone, and after every K steps, and at the end of every epoch, the workers average their weights.

Local SGD: Stich 2019, arXiv:1805.09767, with PyTorch's PeriodicModelAverager.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy, check_interval, ring

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel


class Local(Strategy):
    """Averages weights instead of gradients."""

    name: ClassVar[str] = "local"
    summary: ClassVar[str] = "every worker trains alone for K steps, then all average their weights"
    takes: ClassVar[str] = "K"
    wraps: ClassVar[bool] = False
    ran: ClassVar[str | None] = "PeriodicModelAverager"
    start: int = 0
    """Steps before the first that a worker makes alone."""

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.every = self.whole(2)

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        from torch.distributed.algorithms.model_averaging.averagers import PeriodicModelAverager

        super().begin(site, wrapped)
        check_interval(self, self.every, site.epoch_steps, "steps", site)
        self.averager = PeriodicModelAverager(period=self.every, warmup_steps=self.start + self.every - 1)
        self.averages = 0
        return None

    @property
    def is_even(self) -> bool:
        """True when no step was made since the last average."""
        return self.averager.step <= self.start or (self.averager.step - self.start) % self.every == 0

    def put_back(self) -> None:
        self.averager.step = self.averages = 0

    def after_step(self) -> None:
        import torch

        with self.spending():
            for weight in self.site.weights:
                if weight.grad is None:  # PyTorch leaves such weights out, also where another worker has a gradient
                    weight.grad = torch.zeros_like(weight)
            self.averager.average_parameters(self.site.weights)
        self.averages += self.is_even and self.averager.step > self.start

    def epoch_ended(self) -> None:
        if self.is_even:
            return
        from torch.distributed.algorithms.model_averaging.utils import average_parameters

        with self.spending():
            average_parameters(iter(self.site.weights), self.averager.process_group)
        self.averager.step = self.start
        self.averages += 1

    def sent_bytes(self, steps: int) -> float:
        return self.averages * ring(self.site.weight_bytes, self.site.workers)
