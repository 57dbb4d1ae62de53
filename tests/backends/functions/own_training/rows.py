"""A module beside the file with the functions: rows to learn from, as people hold them."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import Dataset, IterableDataset, get_worker_info

ROWS = 301
"""Odd, so that two workers do not divide them evenly."""


class Digits(Dataset[Any]):
    """Made rows of four features, and which of three classes each is of; noise is added when `noisy`."""

    def __init__(self, rows: int = ROWS, noisy: bool = False) -> None:
        chance = torch.Generator().manual_seed(7)
        self.x = torch.randn(rows, 4, generator=chance)
        self.y = (self.x @ torch.randn(4, 3, generator=chance)).argmax(1)
        self.chance = torch.Generator().manual_seed(1)
        self.noisy = noisy

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, row: int) -> dict[str, Any]:
        noise = torch.randn(4, generator=self.chance) + torch.rand(4) if self.noisy else 0.0
        return {"x": self.x[row] + noise, "y": self.y[row]}


class Shuffled(IterableDataset[Any]):
    """Pairs of a row and its class in an order of their own, from a part of the rows that differs between workers."""

    def __init__(self, rows: int, rank: int = 0, workers: int = 1) -> None:
        self.rows, self.part = Digits(rows), slice(rank, None, workers)
        self.chance = torch.Generator().manual_seed(3)

    def __iter__(self) -> Iterator[Any]:
        assert get_worker_info() is None, "this one is read in the worker's own process"
        for row in torch.randperm(len(self.rows), generator=self.chance).tolist()[self.part]:
            yield self.rows[row]["x"], self.rows[row]["y"]
