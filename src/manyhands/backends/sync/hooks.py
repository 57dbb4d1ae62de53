"""Strategies that compress the gradients in a hook of DistributedDataParallel, whose seconds are a part of the step of their own."""

from __future__ import annotations

import functools
from typing import Any

from manyhands.backends.sync.strategy import Strategy
from manyhands.measure.phases import now


class HookStrategy(Strategy):
    """A strategy with a hook. What PyTorch does in gloo's threads, once a message has come, is a part of the wait for it."""

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        self.spans: list[tuple[float, float]] = []
        """Begin and end of each call of the hook in this step."""

    def timed(self, hook: Any) -> Any:
        """The hook, with each call kept in `spans`."""

        @functools.wraps(hook)  # DistributedDataParallel looks at the signature and at the name
        def timed_hook(state: Any, bucket: Any) -> Any:
            began = now()
            future = hook(state, bucket)
            self.spans.append((began, now()))
            return future

        return timed_hook

    def hooked_s(self, ready: float) -> float:
        self.spent_s += sum(ended - began for began, ended in self.spans)
        after = sum(max(0.0, ended - max(began, ready)) for began, ended in self.spans)
        self.spans.clear()
        return after
