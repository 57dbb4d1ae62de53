"""Training rows in memory, which torch's DataLoader returns a whole batch at a time."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from manyhands.backends.ranks.sampler import ShardSampler
from manyhands.data.partition import Batch
from manyhands.workloads.arrays import Arrays

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader


class Rows:
    """Training rows as tensors, fetched a whole batch at a time."""

    def __init__(self, arrays: Arrays, device: str) -> None:
        self.x = tensor(arrays.x_train).to(device)
        self.y = tensor(arrays.y_train).to(device)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, float]:
        rows = tensor(batch.indices)
        return self.x[rows], self.y[rows], batch.weight


def row_loader(arrays: Arrays, sampler: ShardSampler, device: str) -> DataLoader[Any]:
    """torch's DataLoader over the sampler's batches, in this process: the rows are in memory already."""
    from torch.utils.data import DataLoader

    return DataLoader(Rows(arrays, device), batch_size=None, sampler=sampler, collate_fn=_as_it_is)  # type: ignore[arg-type]


def _as_it_is(batch: Any) -> Any:
    return batch


def tensor(array: NDArray[Any]) -> torch.Tensor:
    """The array as a tensor on the same memory; rows are never written to, so memory-mapped rows need no copy either."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)
