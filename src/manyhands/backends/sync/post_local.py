"""`post-local=K`: the first half of training is that of `every-step`, the second that of `local=K`.

Lin et al. 2020, arXiv:1808.07217, with PyTorch's `post_localSGD_hook`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from manyhands.backends.sync.local import Local
from manyhands.backends.sync.strategy import Site, ring
from manyhands.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel


class PostLocal(Local):
    """Averages gradients first, and weights later."""

    name: ClassVar[str] = "post-local"
    summary: ClassVar[str] = "every-step for the first half of all steps, then local=K"
    wraps: ClassVar[bool] = True
    ran: ClassVar[str | None] = None

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        from torch.distributed.algorithms.ddp_comm_hooks import post_localSGD_hook as stock

        assert wrapped is not None
        if site.all_steps is None:
            raise UsageError(f"--sync {self.text} must know the number of steps to find their half; give --epochs or --steps")
        self.start = site.all_steps // 2
        kind: Any = stock.PostLocalSGDState
        self.state = kind(None, None, self.start, post_local_gradient_allreduce=False)
        wrapped.register_comm_hook(self.state, stock.post_localSGD_hook)
        return super().begin(site, wrapped)

    def put_back(self) -> None:
        super().put_back()
        self.state.iter = 0

    def sent_bytes(self, steps: int) -> float:
        return super().sent_bytes(steps) + min(steps, self.start) * ring(self.site.weight_bytes, self.site.workers)
