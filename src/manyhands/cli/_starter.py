"""A training for manyhands, which runs as it is: change its parts into yours.

    manyhands check mine.py:build
    manyhands run mine.py:build --backend serial,ddp --workers 1,2

Every worker of every backend calls `build` and so makes its own model, optimizer and data; manyhands does the rest: the loop, the
workers, and the measuring. Modules beside this file can be imported as usual.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import TensorDataset

from manyhands import Training

TRAINING_ROWS = 1500


def digits() -> tuple[TensorDataset, TensorDataset]:
    """Rows to train on and rows to score: handwritten digits of 8 x 8 points, which come with scikit-learn.

    Give any dataset with a length and `[]`: manyhands then deals its rows out to the workers, and proves that all backends train the
    same rows in the same order.
    """
    images, labels = load_digits(return_X_y=True)
    x, y = torch.tensor(images / 16, dtype=torch.float32), torch.tensor(labels)
    return TensorDataset(x[:TRAINING_ROWS], y[:TRAINING_ROWS]), TensorDataset(x[TRAINING_ROWS:], y[TRAINING_ROWS:])


def loss(outputs: torch.Tensor, batch: list[torch.Tensor]) -> torch.Tensor:
    """The mean over the rows of a batch. A sum would train differently on two workers, which average their gradients."""
    _, labels = batch
    return nn.functional.cross_entropy(outputs, labels)


def accuracy(model: nn.Module, rows: TensorDataset) -> float:
    """Share of the rows whose label the model finds."""
    x, y = rows.tensors
    return float((model(x).argmax(dim=1) == y).float().mean())


def build() -> Training:
    """The training. Random numbers of torch are seeded before this is called, so all workers start from the same weights."""
    train, test = digits()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    return Training(
        model,
        optimizer,
        train,  # or a DataLoader, with its own batch_size, collate_fn and num_workers
        loss,
        batch_size=50,  # of all workers together
        evaluate=lambda model: {"accuracy": accuracy(model, test)},  # after training, outside the clock
        # inputs=lambda batch: batch[0],  # what the model is called with, when that is not the first part of a batch
        # scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=300), scheduler_step="step",
        # accumulate=2, clip_norm=1.0, autocast="bfloat16", find_unused_parameters=True,
    )
