"""Seconds that backward passes wait for other workers, in models that a script wraps with DistributedDataParallel.

The hooks only read the clock: gradients, and so the training, are the same with and without them. Loaded by `stub.py`.
"""

from __future__ import annotations

import functools
from time import perf_counter
from typing import Any

import torch

SETTLED = 3
"""Backward passes after which only the parameter with the last gradient keeps its hook: hooks on many parameters cost a few percent."""


class Waiting:
    """The sum over all backward passes of the time between the last gradient and the end of the pass."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.models: list[Gradients] = []
        backward = torch.autograd.backward

        @functools.wraps(backward)
        def timed(*arguments: Any, **named: Any) -> None:
            backward(*arguments, **named)
            self.end_pass(perf_counter())

        torch.autograd.backward = timed  # Tensor.backward calls it by this name

    def follow(self, wrapped: Any) -> None:
        """Follows the gradients of a wrapped model; `wrapped`: a DistributedDataParallel."""
        self.models.append(Gradients(wrapped))

    def end_pass(self, now: float) -> None:
        """Adds the wait of the pass that has just ended; a pass without gradient exchange (`no_sync`) has none."""
        done = [model for model in self.models if model.ready]
        exchanged = [model.ready for model in done if model.wrapped.require_backward_grad_sync]
        self.seconds += now - max(exchanged) if exchanged else 0.0
        for model in done:
            model.end_pass()


class Gradients:
    """The time of the last gradient of one model in the backward pass under way; 0 before its first."""

    def __init__(self, wrapped: Any) -> None:
        self.wrapped = wrapped
        self.ready, self.latest, self.passes = 0.0, -1, 0
        trained = [parameter for parameter in wrapped.parameters() if parameter.requires_grad]
        self.hooks = [parameter.register_hook(functools.partial(self.stamp, number)) for number, parameter in enumerate(trained)]

    def stamp(self, number: int, gradient: torch.Tensor) -> None:
        self.latest, self.ready = number, perf_counter()

    def end_pass(self) -> None:
        self.ready, self.passes = 0.0, self.passes + 1
        if self.passes == SETTLED:
            for number, hook in enumerate(self.hooks):
                if number != self.latest:
                    hook.remove()
