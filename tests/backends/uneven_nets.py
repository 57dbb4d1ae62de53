"""Workloads for tests, named by this file: a net with slow later ranks, one whose second rank fails, one that shows its training."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch.distributed as dist

from manyhands.workloads.mlp import Mlp
from manyhands.workloads.rnn import Rnn


@dataclass(frozen=True)
class Uneven(Mlp):
    """A net with dropout, so that one run shows both the masks of each rank and the wait for a slow one."""

    name: ClassVar[str] = "uneven"

    sleep_s: float = 0.0
    """Seconds for which the second rank sleeps in each step."""

    def loss(self, outputs: Any, targets: Any) -> Any:
        time.sleep(self.sleep_s * dist.get_rank())
        return super().loss(outputs, targets)


@dataclass(frozen=True)
class Faulty(Rnn):
    name: ClassVar[str] = "faulty"

    def loss(self, outputs: Any, targets: Any) -> Any:
        if dist.get_rank() == 1:
            raise ValueError("a mistake of this net's own")
        return super().loss(outputs, targets)


@dataclass(frozen=True)
class Marking(Rnn):
    """Each rank writes its pid to a file in the folder `marks` before every epoch but the first, and then sleeps, without CPU time."""

    name: ClassVar[str] = "marking"

    marks: str = ""

    def learning_rate_at(self, epoch: int) -> float | None:
        if epoch >= 2:
            rank = dist.get_rank() if dist.is_initialized() else 0
            whole = Path(self.marks, f"part-{rank}")
            whole.write_text(str(os.getpid()))
            whole.replace(Path(self.marks, f"rank-{rank}"))
        time.sleep(float(epoch > 1))
        return super().learning_rate_at(epoch)
