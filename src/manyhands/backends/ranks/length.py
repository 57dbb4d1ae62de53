"""The end of training: after so many epochs, steps or seconds, the same for all workers."""

from __future__ import annotations

from typing import Self

from manyhands.backends.ranks.rank import Rank
from manyhands.measure.phases import PhaseClock, now
from manyhands.plan import RunSpec


class Length:
    """Says before each step, and after each epoch, whether training goes on."""

    def __init__(self, spec: RunSpec, rank: Rank, clock: PhaseClock) -> None:
        self.spec, self.rank, self.clock = spec, rank, clock
        self.steps = 0
        """Steps of the optimizer so far."""

    @property
    def watched(self) -> Self | None:
        """This object when an epoch may end before its last step; None when epochs are counted."""
        return None if self.spec.counts_epochs else self

    def goes_on(self) -> bool:
        """True before a step that is to be made. With --max-seconds the workers agree on it, and the first step is always made."""
        if self.spec.steps is not None and self.steps >= self.spec.steps:
            return False
        limit = self.spec.max_seconds
        return limit is None or not self.steps or not self.rank.any(self.trained_s >= limit)

    def over(self, epoch: int) -> bool:
        """True after the last epoch."""
        return epoch >= self.spec.epochs if self.spec.counts_epochs else not self.goes_on()

    @property
    def trained_s(self) -> float:
        """Seconds of the phase `train` so far; during it."""
        return self.clock.seconds.get("train", 0.0) + now() - self.clock.ended
