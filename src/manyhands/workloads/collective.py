"""`collective`: the time of an all-reduce by message size: the cost of a gradient exchange that compute does not hide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from manyhands.workloads.kinds.collective import CollectiveWorkload


@dataclass(frozen=True)
class AllReduce(CollectiveWorkload):
    """torch.distributed's all-reduce: gloo between CPUs, NCCL between GPUs."""

    name: ClassVar[str] = "collective"
    summary: ClassVar[str] = "all-reduce over message sizes, nothing learnt"
