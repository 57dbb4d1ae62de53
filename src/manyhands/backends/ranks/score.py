"""The outputs of a trained network for its held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.ranks.rows import tensor
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch

SCORE_ROWS = 1000
"""Rows per forward pass."""


def outputs_of(workload: NetworkWorkload, bare: torch.nn.Module, x: NDArray[Any], device: str) -> NDArray[np.float32]:
    """The model's outputs for all rows of `x`, in order."""
    import torch

    bare.eval()
    with torch.no_grad():
        outputs = [
            as_array(bare(workload.prepare(tensor(x[start : start + SCORE_ROWS]).to(device))))
            for start in range(0, len(x), SCORE_ROWS)
        ]
    return np.concatenate(outputs)


def as_array(outputs: torch.Tensor) -> NDArray[Any]:
    """The outputs in NumPy, which has no bfloat16."""
    import torch

    return (outputs.float() if outputs.dtype == torch.bfloat16 else outputs).cpu().numpy()
