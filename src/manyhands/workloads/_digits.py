"""What the three MNIST networks share: the rows, the scaling to 0..1, cross-entropy and accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.mnist import load_mnist
from manyhands.workloads.base import Arrays, NetworkWorkload

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DigitNetwork(NetworkWorkload):
    """A network that tells the ten digits apart. Images stay bytes in memory and become floats batch by batch."""

    data: ClassVar[str] = "mnist"
    quality: ClassVar[str] = "accuracy"

    def load(self, data_dir: Path | None) -> Arrays:
        digits = load_mnist(data_dir)
        y_train, y_test = digits.y_train.astype(np.int64), digits.y_test.astype(np.int64)
        return Arrays(digits.x_train, y_train, digits.x_test, y_test, digits.source)

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        return x.float().div_(255)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        return functional.cross_entropy(outputs, targets)

    def score(self, outputs: NDArray[np.float32], arrays: Arrays) -> dict[str, float]:
        return {"accuracy": float(np.mean(outputs.argmax(axis=1) == arrays.y_test))}
