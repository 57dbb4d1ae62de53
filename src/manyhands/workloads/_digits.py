"""The common base of the three MNIST networks: the rows, the scaling to 0..1, cross-entropy and accuracy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.fetch_request import FetchRequest
from manyhands.data.mnist import Mnist, load_mnist
from manyhands.data.store.base import Store
from manyhands.data.store.digits import fetch_mnist
from manyhands.workloads.arrays import Arrays, Fetched
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class DigitNetwork(NetworkWorkload):
    """A network that classifies the ten digits. Images stay bytes in memory; each batch is converted to floats."""

    data: ClassVar[str] = "mnist"
    quality: ClassVar[str] = "accuracy"

    def load(self, data_dir: Path | None) -> Arrays:
        return self.arrays(load_mnist(data_dir))

    def fetch(self, store: Store, request: FetchRequest) -> Fetched:
        digits, rows = fetch_mnist(store, request)
        return Fetched(self.arrays(digits), rows)

    def arrays(self, digits: Mnist) -> Arrays:
        """The digits as arrays, with labels in the type that torch needs."""
        y_train, y_test = digits.y_train.astype(np.int64), digits.y_test.astype(np.int64)
        return Arrays(digits.x_train, y_train, digits.x_test, y_test, digits.source)

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        return x.float().div_(255)

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        return functional.cross_entropy(outputs, targets)

    def score(self, outputs: NDArray[np.float32], arrays: Arrays) -> dict[str, float]:
        return {"accuracy": float(np.mean(outputs.argmax(axis=1) == arrays.y_test))}
