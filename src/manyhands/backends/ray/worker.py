"""What Ray Train runs in each worker: the loop of the workload's kind, a network's over a model from `prepare_model`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ray.train
import ray.train.torch

from manyhands.backends.ranks.job import run_rank
from manyhands.backends.ranks.rank import GroupRank
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    import torch


class RayRank(GroupRank):
    """A worker of Ray Train, whose `prepare_model` wraps the model with DistributedDataParallel from two workers on, and not before."""

    strategy = "prepare_model"

    def wrap(self, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        prepared = ray.train.torch.prepare_model(model)
        if prepared is not model:
            self.strategy = type(prepared).__name__
        return prepared, optimizer


def work(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Does one worker's work; rank 0 returns all reports, and Ray Train hands on what rank 0 returns."""
    rank = RayRank(str(ray.train.torch.get_device()))
    return rank.gather(run_rank(rank, RunSpec.from_dict(job)))
