"""`bf16`: gradients travel as bfloat16 numbers (PyTorch's `bf16_compress_hook`). Not every process group sums them, so each is asked.

DistributedDataParallel refuses the hook by its name wherever CUDA is missing, although gloo of PyTorch 2.13 sums such numbers, so the hook gets another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from manyhands.backends.sync.fp16 import Fp16
from manyhands.backends.sync.strategy import Site, Strategy
from manyhands.errors import Unavailable

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel


class Bf16(Fp16):
    """Sums bfloat16 numbers, where the process group can."""

    name: ClassVar[str] = "bf16"
    summary: ClassVar[str] = "averages the gradients of every step as bfloat16 numbers, where the process group can"

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        import torch
        import torch.distributed as dist
        from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook

        assert wrapped is not None
        try:
            dist.all_reduce(torch.ones(1, dtype=torch.bfloat16, device=site.weights[0].device))
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[0]
            raise Unavailable(
                f"--sync bf16: the process group {dist.get_backend()} refuses it: {reason}; use --sync fp16"
            ) from None
        hook = self.timed(bf16_compress_hook)
        hook.__name__ = "as_bfloat16"
        wrapped.register_comm_hook(None, hook)
        return Strategy.begin(self, site, wrapped)
