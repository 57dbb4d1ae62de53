"""`fp16`: gradients travel as 16-bit numbers, half of their bytes (PyTorch's `fp16_compress_hook`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from manyhands.backends.sync.hooks import HookStrategy
from manyhands.backends.sync.strategy import Site, ring

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel

HALF_BYTES = 2
"""Bytes of a 16-bit number."""


class Fp16(HookStrategy):
    """Sums 16-bit numbers, so losses differ a little from those of `every-step`."""

    name: ClassVar[str] = "fp16"
    summary: ClassVar[str] = "averages the gradients of every step as 16-bit numbers"

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook

        assert wrapped is not None
        wrapped.register_comm_hook(None, self.timed(fp16_compress_hook))
        return super().begin(site, wrapped)

    def sent_bytes(self, steps: int) -> float:
        numbers = sum(weight.numel() for weight in self.site.weights)
        return steps * ring(HALF_BYTES * numbers, self.site.workers)
