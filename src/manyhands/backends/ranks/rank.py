"""One training process among several, as the epoch loop sees it. `Rank` alone is the one-process case: all no-ops."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader


class Rank:
    """A process that trains alone. Backends override only what they do differently."""

    strategy = "none"
    communicates = False

    def __init__(self, device: str = "cpu", rank: int = 0, world_size: int = 1) -> None:
        self.device = device
        self.rank = rank
        self.world_size = world_size

    def wrap(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, **options: Any
    ) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        """The model and optimizer made ready for this way of spreading. `options`: those of DistributedDataParallel."""
        return model, optimizer

    def loader(self, loader: DataLoader[Any]) -> Iterable[Any]:
        """The batches, made ready for this way of spreading."""
        return loader

    def backward(self, loss: torch.Tensor) -> None:
        """Computes the gradients, already averaged over the workers when this returns."""
        loss.backward()  # type: ignore[no-untyped-call]

    def inside(self, model: torch.nn.Module) -> torch.nn.Module:
        """The DistributedDataParallel in a model that `wrap` has returned; the model itself where there is none."""
        return model

    def no_sync(self, model: torch.nn.Module) -> AbstractContextManager[Any]:
        """Backward passes inside it add to the worker's own gradients, which the next one outside averages over the workers."""
        return nullcontext()

    def barrier(self) -> None:
        """Returns when every worker has called it."""

    def most(self, number: int) -> int:
        """The largest of all workers' numbers; returns when every worker has called it."""
        return number

    def any(self, flag: bool) -> bool:
        """True when it is so for at least one worker."""
        return self.most(int(flag)) > 0

    def same(self, number: int) -> bool:
        """True when all workers have the same number."""
        return self.most(number) == -self.most(-number)

    def gather(self, report: dict[str, Any]) -> list[dict[str, Any]]:
        """All workers' reports in order of rank, on rank 0; an empty list elsewhere."""
        return [report]

    def synchronize(self) -> None:
        """Waits until the device has finished its work, so that the clock can be read."""
        if self.device != "cpu":
            import torch

            torch.cuda.synchronize(self.device)


class GroupRank(Rank):
    """A member of torch's default process group that averages gradients with DistributedDataParallel."""

    strategy = "DistributedDataParallel"
    communicates = True

    def __init__(self, device: str = "cpu") -> None:
        import torch.distributed as dist

        super().__init__(device, dist.get_rank(), dist.get_world_size())

    def wrap(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, **options: Any
    ) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(model, **options), optimizer

    def no_sync(self, model: torch.nn.Module) -> AbstractContextManager[Any]:
        within: AbstractContextManager[Any] = model.no_sync() if hasattr(model, "no_sync") else nullcontext()  # type: ignore[operator]
        return within

    def barrier(self) -> None:
        import torch.distributed as dist

        dist.barrier()

    def most(self, number: int) -> int:
        import torch
        import torch.distributed as dist

        largest = torch.tensor(number, device=self.device)
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return int(largest)

    def gather(self, report: dict[str, Any]) -> list[dict[str, Any]]:
        # Through the group's store: after a gather a thread of gloo holds Python tensors, and aborts the process when it frees
        # them while Python ends (https://github.com/pytorch/pytorch/pull/179291).
        from torch.distributed.distributed_c10d import _get_default_store

        store = _get_default_store()
        store.set(f"manyhands-report-{self.rank}", json.dumps(report))
        ranks = range(self.world_size if self.rank == 0 else 0)
        return [json.loads(store.get(f"manyhands-report-{rank}")) for rank in ranks]
