"""The moment at which a backward pass has its last gradient; the rest of the pass is waiting for other workers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from manyhands.measure.phases import now

if TYPE_CHECKING:
    import torch


class GradientClock:
    """Time of the last gradient of a backward pass: the rest of the pass is waiting for other workers."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.ready = 0.0
        self.latest = -1
        """Number of the parameter with the last gradient."""
        self.hooks: list[Any] = [
            parameter.register_hook(partial(self._stamp, number))  # type: ignore[no-untyped-call]
            for number, parameter in enumerate(parameter for parameter in model.parameters() if parameter.requires_grad)
        ]

    def _stamp(self, number: int, gradient: torch.Tensor) -> None:
        self.latest, self.ready = number, now()

    def watch_latest(self) -> None:
        """Keeps only the hook of the parameter with the last gradient: hooks on many small parameters cost a few percent."""
        for number, hook in enumerate(self.hooks):
            if number != self.latest >= 0:
                hook.remove()
