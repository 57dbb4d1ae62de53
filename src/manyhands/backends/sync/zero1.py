"""`zero1`: each worker keeps the optimizer's state of its share of the weights, and sends what it has changed to the others.

It saves memory, not time (PyTorch's ZeroRedundancyOptimizer). Rajbhandari et al. 2020, arXiv:1910.02054.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy
from manyhands.measure.phases import now

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel


class Zero1(Strategy):
    """The gradients are averaged as with `every-step`; the optimizer is shared out."""

    name: ClassVar[str] = "zero1"
    summary: ClassVar[str] = "averages the gradients of every step, and shares out the optimizer's state"
    exact: ClassVar[bool] = True

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        from torch.distributed.optim import ZeroRedundancyOptimizer

        super().begin(site, wrapped)
        kind = type(site.optimizer)
        known = inspect.signature(kind.__init__).parameters
        defaults = {name: value for name, value in site.optimizer.defaults.items() if name in known}
        # With the same groups as the user's optimizer, what changes the learning rate of that one changes it here.
        kind_of_all: Any = ZeroRedundancyOptimizer
        self.shared = kind_of_all(site.optimizer.param_groups, optimizer_class=kind, parameters_as_bucket_view=True, **defaults)
        self.settings = [{name: value for name, value in group.items() if name != "params"} for group in self.shared.param_groups]
        """Learning rate and all else that a schedule may change, of each group before the warm-up."""
        site.optimizer._opt_called = True  # type: ignore[attr-defined]  # else a schedule warns that it never made a step
        self._send, self.shared._sync_params = self.shared._sync_params, self._timed_send
        optimizer: torch.optim.Optimizer = self.shared
        return optimizer

    def _timed_send(self) -> None:
        began = now()
        self._send()
        self.waited_s += now() - began

    def put_back(self) -> None:
        for group, settings in zip(self.shared.param_groups, self.settings, strict=True):
            group.update(settings)

    def kept(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        own: torch.optim.Optimizer = self.shared.optim
        return own

    def sent_bytes(self, steps: int) -> float:
        others = (self.site.workers - 1) / self.site.workers
        return super().sent_bytes(steps) + steps * others * self.site.weight_bytes
