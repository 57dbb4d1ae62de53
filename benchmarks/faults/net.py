"""The network of a campaign: it shows from outside that it trains, and takes some time for that without much work."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from manyhands.workloads.rnn import Rnn

EPOCH_S = 0.5


@dataclass(frozen=True)
class Showing(Rnn):
    """A recurrent network whose ranks make the file `mark` when training begins, and sleep at the start of each epoch."""

    name: ClassVar[str] = "showing"

    mark: str = ""

    def learning_rate_at(self, epoch: int) -> float | None:
        """As in the network that it derives from."""
        Path(self.mark).touch()
        time.sleep(EPOCH_S)
        return super().learning_rate_at(epoch)
