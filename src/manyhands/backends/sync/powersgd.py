"""`powersgd=RANK`: gradients of matrices travel as two thin matrices of that rank (PyTorch's `powerSGD_hook`).

What is lost in a step is added to the gradients of the next one. Vogels et al. 2019, arXiv:1905.13727.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from manyhands.backends.sync.hooks import HookStrategy
from manyhands.backends.sync.strategy import Site, ring
from manyhands.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel

FIRST = 2
"""PyTorch compresses from the third step on at the earliest, when DistributedDataParallel has its final buckets."""
SHARE = 0.1
"""Share of all steps that are made like those of `every-step` first, because early gradients matter most: PyTorch's advice."""
WORTH = 2
"""A matrix is compressed when its bytes become fewer by this factor: PyTorch's default."""
EPSILON = 1e-8
"""Added to columns that may be 0."""


class PowerSgd(HookStrategy):
    """Low-rank gradients with error feedback."""

    name: ClassVar[str] = "powersgd"
    summary: ClassVar[str] = "averages the gradients of every step as matrices of a low rank"
    takes: ClassVar[str] = "RANK"

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.rank = self.whole(1)

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        from torch.distributed.algorithms.ddp_comm_hooks import powerSGD_hook as stock

        assert wrapped is not None
        most = max((highest_rank(weight) for weight in site.weights), default=0)
        if self.rank > most:
            use = f"use powersgd={most} at most" if most else "use another strategy"
            raise UsageError(f"--sync {self.text}: no matrix of {site.label} gets smaller by rank {self.rank}; {use}")
        self.first = max(FIRST, int(SHARE * (site.all_steps or 0)))
        self.state = self.fresh_state(FIRST)
        wrapped.register_comm_hook(self.state, self.timed(stock.powerSGD_hook))
        return super().begin(site, wrapped)

    def fresh_state(self, first: int) -> Any:
        """PyTorch's state of the hook; `first`: the step from which on it compresses."""
        from torch.distributed.algorithms.ddp_comm_hooks import powerSGD_hook as stock

        kind: Any = stock.PowerSGDState
        return kind(None, self.rank, first, WORTH, orthogonalization_epsilon=EPSILON)

    def put_back(self) -> None:
        fresh = self.fresh_state(self.first)
        for name in fresh.__slots__:
            setattr(self.state, name, getattr(fresh, name))

    def sent_bytes(self, steps: int) -> float:
        site, plain = self.site, min(steps, self.first)
        compressed = self.state.total_numel_after_compression * site.weights[0].element_size()
        return ring(plain * site.weight_bytes + compressed, site.workers)


def highest_rank(weight: torch.Tensor) -> int:
    """The highest rank at which a weight's gradient is compressed; 0 when it is none."""
    rows = weight.shape[0] if weight.dim() else 1
    columns = weight.numel() // max(rows, 1)
    return min(rows, columns, (rows * columns - 1) // (WORTH * (rows + columns))) if weight.dim() > 1 and columns else 0
