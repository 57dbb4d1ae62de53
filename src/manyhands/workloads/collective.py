"""`collective`: how long workers take to sum a message of theirs, by its size: what gradients cost before any compute hides it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from manyhands.workloads.kinds.collective import CollectiveWorkload


@dataclass(frozen=True)
class AllReduce(CollectiveWorkload):
    """torch.distributed's all-reduce: gloo between CPUs, NCCL between GPUs."""

    name: ClassVar[str] = "collective"
    summary: ClassVar[str] = "all-reduce over message sizes, nothing learnt"
