"""A complete workload in one file: a small network that finds malignant tumours by 30 measurements of each.

    manyhands run docs/examples/tumours.py:Tumours --backend serial,ddp

The rows come with scikit-learn, so nothing is downloaded. The class says how to load the rows, build the model, compute its loss and score
it; the epoch loop of manyhands trains it, in the same way on every backend.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.workloads.base import Arrays, NetworkWorkload

if TYPE_CHECKING:
    import torch

TEST_ROWS = 113
"""Rows that are held out to score the network; 456 rows are left to train it."""


@dataclass(frozen=True)
class Tumours(NetworkWorkload):
    """One hidden layer. The fields of the class are its settings: `--set hidden=64`."""

    name: ClassVar[str] = "tumours"
    summary: ClassVar[str] = "small network on the Wisconsin breast cancer data"
    data: ClassVar[str] = "breast_cancer"
    quality: ClassVar[str] = "accuracy"
    epochs: ClassVar[int] = 10
    batch_size: ClassVar[int] = 32

    hidden: int = 32

    def load(self, data_dir: Path | None) -> Arrays:
        from sklearn.datasets import load_breast_cancer

        x, y = load_breast_cancer(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order].astype(np.float32), y[order].astype(np.float32)
        x = (x - x[TEST_ROWS:].mean(axis=0)) / x[TEST_ROWS:].std(axis=0)
        return Arrays(x[TEST_ROWS:], y[TEST_ROWS:], x[:TEST_ROWS], y[:TEST_ROWS], source="scikit-learn")

    def model(self) -> torch.nn.Module:
        from torch import nn

        return nn.Sequential(nn.Linear(30, self.hidden), nn.ReLU(), nn.Linear(self.hidden, 1), nn.Flatten(0))

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        return functional.binary_cross_entropy_with_logits(outputs, targets)

    def score(self, outputs: NDArray[np.float32], arrays: Arrays) -> dict[str, float]:
        return {"accuracy": float(np.mean((outputs > 0) == arrays.y_test))}
