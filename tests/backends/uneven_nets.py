"""Workloads for tests, named by this file: a net whose later ranks are slower, and one whose second rank fails."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

import torch.distributed as dist

from manyhands.workloads.rnn import Rnn


@dataclass(frozen=True)
class Uneven(Rnn):
    name: ClassVar[str] = "uneven"

    def loss(self, outputs: Any, targets: Any) -> Any:
        time.sleep(0.02 * dist.get_rank())
        return super().loss(outputs, targets)


@dataclass(frozen=True)
class Faulty(Rnn):
    name: ClassVar[str] = "faulty"

    def loss(self, outputs: Any, targets: Any) -> Any:
        if dist.get_rank() == 1:
            raise ValueError("a mistake of this net's own")
        return super().loss(outputs, targets)
