"""`every-step`: DistributedDataParallel averages the gradients of every step while the backward pass goes on."""

from __future__ import annotations

from typing import ClassVar

from manyhands.backends.sync.strategy import Strategy


class EveryStep(Strategy):
    """The default."""

    name: ClassVar[str] = "every-step"
    summary: ClassVar[str] = "averages the gradients of every step during the backward pass (the default)"
    exact: ClassVar[bool] = True
