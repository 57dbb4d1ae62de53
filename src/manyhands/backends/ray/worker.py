"""The function that Ray Train runs in each worker: the loop of the workload's kind, with `prepare_model` for a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.job import run_rank
from manyhands.backends.ranks.rank import GroupRank
from manyhands.backends.ranks.sent_files import received
from manyhands.measure.garbage import imports_without_collection

with imports_without_collection():
    import ray.train
    import ray.train.torch

if TYPE_CHECKING:
    import torch


class RayRank(GroupRank):
    """A worker of Ray Train. `prepare_model` wraps the model with DistributedDataParallel when there are two workers or more."""

    strategy = "prepare_model"

    def wrap(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, **options: Any
    ) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        prepared = ray.train.torch.prepare_model(model, parallel_strategy_kwargs=options or None)
        if prepared is not model:
            self.strategy = type(prepared).__name__
        return prepared, optimizer


def work(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Does the work of one worker. Rank 0 returns the reports of all workers, which Ray Train returns to the driver.

    `job`: the spec, see `ranks.sent_files`.
    """
    rank = RayRank(str(ray.train.torch.get_device()))
    with received(job) as spec:
        return rank.gather(run_rank(rank, spec))
