"""Scores a trained network on the held-out rows: on rank 0 only, outside `train`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.rows import tensor
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch

SCORE_ROWS = 1000
"""Rows per forward pass."""


def evaluate(rank: Rank, workload: NetworkWorkload, bare: torch.nn.Module, arrays: Arrays) -> dict[str, float]:
    """Quality on the held-out rows, scored by rank 0 while the other ranks wait; empty on other ranks."""
    quality: dict[str, float] = {}
    if rank.rank == 0:
        quality = workload.score(outputs_of(workload, bare, arrays.x_test, rank.device), arrays)
    rank.barrier()
    return quality


def outputs_of(workload: NetworkWorkload, bare: torch.nn.Module, x: NDArray[Any], device: str) -> NDArray[np.float32]:
    """The model's outputs for all rows of `x`, in order."""
    import torch

    bare.eval()
    with torch.no_grad():
        outputs = [
            bare(workload.prepare(tensor(x[start : start + SCORE_ROWS]).to(device))).cpu().numpy()
            for start in range(0, len(x), SCORE_ROWS)
        ]
    return np.concatenate(outputs)
