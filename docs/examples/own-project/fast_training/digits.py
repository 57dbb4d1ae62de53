"""A training: a small network that reads handwritten digits. The images come with scikit-learn, so nothing is downloaded.

All of it is plain PyTorch; `build` hands it to manyhands: `manyhands run fast_training/digits.py:build --backend serial,ddp`.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

from manyhands import Training

TEST_ROWS = 297
"""Images that are held out to score the network; 1,500 are left to train it."""


def images() -> tuple[torch.Tensor, torch.Tensor]:
    """The images and their labels, in an order of their own."""
    x, y = load_digits(return_X_y=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    return torch.tensor(x / 16, dtype=torch.float32)[order], torch.tensor(y)[order]


def loss(outputs: torch.Tensor, batch: list[torch.Tensor]) -> torch.Tensor:
    """The mean over the rows of a batch."""
    return nn.functional.cross_entropy(outputs, batch[1])


def build(hidden: int = 512, lr: float = 0.05) -> Training:
    """The training. The arguments are its settings: `--set hidden=1024`."""
    x, y = images()
    model = nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 10))

    def evaluate(trained: nn.Module) -> dict[str, float]:
        right = trained(x[:TEST_ROWS]).argmax(dim=1) == y[:TEST_ROWS]
        return {"accuracy": right.float().mean().item()}

    return Training(
        model,
        torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9),
        TensorDataset(x[TEST_ROWS:], y[TEST_ROWS:]),
        loss,
        batch_size=50,
        evaluate=evaluate,
    )
