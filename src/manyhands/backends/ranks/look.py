"""Looks at outputs, loss and gradients of the first step, so that a mistake ends the run before it has cost hours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.nested import part, rows_of
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.work import Work
from manyhands.errors import UsageError

if TYPE_CHECKING:
    import torch

NEAR = 1e-3
"""Share of the loss by which the losses of two halves may miss it, added or averaged."""
NAMED = 3
"""Parameters that a message names."""


class Look:
    """One look at the first batch of the first step; `close` takes its hook from the model."""

    def __init__(self, work: Work, rank: Rank) -> None:
        self.work, self.rank = work, rank
        self.outputs: Any = None
        self.hook = work.bare.register_forward_hook(self._keep)

    def _keep(self, module: torch.nn.Module, inputs: Any, outputs: Any) -> None:
        self.outputs = outputs

    def close(self) -> None:
        """Takes the hook away, and keeps nothing."""
        self.hook.remove()
        self.outputs = None

    def at_loss(self, batch: Any, loss: Any) -> None:
        """Raises UsageError when the loss cannot be trained with; notes a loss that is a sum over rows."""
        import torch

        label = self.work.label
        if not isinstance(loss, torch.Tensor):
            raise UsageError(f"{label}: its loss is a {type(loss).__name__}, not a tensor; give the mean loss of the batch")
        if loss.numel() != 1:
            raise UsageError(
                f"{label}: its loss has the shape {tuple(loss.shape)}, not one number; take the mean, such as reduction='mean'"
            )
        if not loss.requires_grad:
            raise UsageError(
                f"{label}: its loss does not depend on a weight that is trained; leave out detach() and item(), and train some weights"
            )
        self.work.check_outputs(self.outputs)
        self.work.first_batch(batch)
        if self.adds_up(batch, float(loss.detach())):
            self.work.cautions.append(
                "the loss is the sum over the rows of a batch, so more workers train with smaller gradients: take its mean"
            )

    def adds_up(self, batch: Any, loss: float) -> bool:
        """True when the losses of two halves of a batch add up to that of the whole, and do not average to it."""
        import torch

        rows = rows_of(batch)
        if rows < 2 or not math.isfinite(loss):
            return False
        halves = []
        try:
            with torch.no_grad():
                for chosen in (slice(rows // 2), slice(rows // 2, rows)):
                    own = self.work.loss_of(part(self.outputs, rows, chosen), part(batch, rows, chosen))
                    halves.append(math.nan if own is None else float(own))
        except Exception:  # a loss of the user's may need whole batches: then it is not known
            return False
        first, second = halves
        mean = (first * (rows // 2) + second * (rows - rows // 2)) / rows
        return abs(first + second - loss) <= NEAR * abs(loss) < abs(mean - loss)

    def at_gradients(self) -> None:
        """Notes weights that got no gradient; raises UsageError where the workers would wait for them."""
        unused = [name for name, weight in self.work.bare.named_parameters() if weight.requires_grad and weight.grad is None]
        if not unused or self.work.wrapping.get("find_unused_parameters"):
            return
        named = ", ".join(unused[:NAMED]) + (f" and {len(unused) - NAMED} more" if len(unused) > NAMED else "")
        advice = "freeze them with requires_grad_(False), or give Training(find_unused_parameters=True)"
        if self.rank.communicates:
            raise UsageError(
                f"{self.work.label}: the first step gives {named} no gradient, and the workers wait for one; {advice}"
            )
        self.work.cautions.append(f"the first step gives {named} no gradient; for several workers {advice}")
