"""`diloco=K`: like `local=K`, but the average of K steps is itself a step, of an outer optimizer with Nesterov momentum.

Douillard et al. 2023, arXiv:2311.08105: an outer learning rate of 0.7 and a momentum of 0.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy, check_interval, ring

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel

RATE, MOMENTUM = 0.7, 0.9


class DiLoCo(Strategy):
    """Every K steps, and at the end of every epoch, the workers' mean distance from where they began is an outer gradient."""

    name: ClassVar[str] = "diloco"
    summary: ClassVar[str] = "every worker trains alone for K steps; their average is a step of an outer optimizer"
    takes: ClassVar[str] = "K"
    wraps: ClassVar[bool] = False
    ran: ClassVar[str | None] = "DiLoCo"

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.every = self.whole(2)

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        super().begin(site, wrapped)
        check_interval(self, self.every, site.epoch_steps, "steps", site)
        self.put_back()
        return None

    def put_back(self) -> None:
        import torch

        self.shared = torch.cat([weight.detach().reshape(-1) for weight in self.site.weights])
        """The weights on which all workers agreed last."""
        self.outer = torch.optim.SGD([self.shared], lr=RATE, momentum=MOMENTUM, nesterov=True)
        self.alone = self.exchanges_made = 0

    def after_step(self) -> None:
        self.alone += 1
        if self.alone == self.every:
            self.agree()

    def epoch_ended(self) -> None:
        if self.alone:
            self.agree()

    def agree(self) -> None:
        """Makes an outer step, from which all workers go on."""
        import torch
        import torch.distributed as dist

        weights = self.site.weights
        with self.spending(), torch.no_grad():
            mean = torch.cat([weight.reshape(-1) for weight in weights]).div_(self.site.workers)
            dist.all_reduce(mean)
            self.shared.grad = self.shared - mean
            self.outer.step()
            place = 0
            for weight in weights:
                weight.copy_(self.shared[place : place + weight.numel()].view_as(weight))
                place += weight.numel()
        self.alone = 0
        self.exchanges_made += 1

    def sent_bytes(self, steps: int) -> float:
        return self.exchanges_made * ring(self.site.weight_bytes, self.site.workers)
