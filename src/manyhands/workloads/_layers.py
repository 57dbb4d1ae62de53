"""Small torch modules that the network workloads share; imported only when a model is built."""

from __future__ import annotations

import torch
from torch import nn


class LastStep(nn.Module):
    """A recurrent layer's output at the last step: (batch, steps, features) -> (batch, hidden)."""

    def __init__(self, recurrent: nn.RNNBase) -> None:
        super().__init__()
        self.recurrent = recurrent

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.recurrent(x)
        last: torch.Tensor = outputs[:, -1]
        return last
