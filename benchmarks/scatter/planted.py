"""`cnn` with memory traffic in every step, which makes its epochs slower: does a yardstick hide it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from manyhands.workloads.cnn import Cnn

if TYPE_CHECKING:
    import torch

SOURCE = np.ones(2**19)


class HungryCnn(Cnn):
    """Each step copies 4 MiB to new memory, which drives the network's own numbers out of the caches."""

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        SOURCE.copy()
        return super().loss(outputs, targets)
