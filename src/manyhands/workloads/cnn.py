"""`cnn`: a small convolutional network on MNIST; two convolutions, two dense layers, 0.2 million weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from manyhands.workloads._digits import DigitNetwork

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Cnn(DigitNetwork):
    """Convolutions of 3 x 3 with ReLU and pooling by 2, then `hidden` dense units."""

    name: ClassVar[str] = "cnn"
    summary: ClassVar[str] = "convolutional network on MNIST"

    channels: int = 16
    hidden: int = 128

    def model(self) -> torch.nn.Module:
        from torch import nn

        return nn.Sequential(
            nn.Unflatten(1, (1, 28)),
            nn.Conv2d(1, self.channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(self.channels, 2 * self.channels, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(2 * self.channels * 7 * 7, self.hidden),
            nn.ReLU(),
            nn.Linear(self.hidden, 10),
        )
