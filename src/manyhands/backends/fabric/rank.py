"""Connects Lightning Fabric to the epoch loop: Fabric wraps, loads, runs the backward pass and waits; the loop is manyhands'.

Fabric replaces a strategy that it cannot run by another one, with a warning; so the class of the chosen strategy is checked.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.rank import GroupRank, Rank
from manyhands.errors import EngineError, Unavailable
from manyhands.measure.garbage import imports_without_collection
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

STRATEGIES = {"ddp": "DDPStrategy", "dp": "DataParallelStrategy"}
"""Name of a strategy -> the class with which Fabric must run it."""


def make_fabric(spec: RunSpec, strategy: str, devices: int) -> Any:
    """A Fabric with this number of `devices` on this machine that runs exactly `strategy`.

    Raises Unavailable when there are fewer GPUs, EngineError when Fabric resolved the name to another class.
    """
    with imports_without_collection():
        from lightning.fabric import Fabric
        from lightning.fabric.plugins.environments.lightning import LightningEnvironment

    logging.getLogger("lightning").setLevel(logging.ERROR)
    if spec.device == "cuda":
        check_gpus(devices)
    for name in [name for name in os.environ if name.startswith("LT_")]:
        del os.environ[name]  # Fabric's own command line sets its options in these
    fabric = Fabric(
        accelerator=spec.device,
        devices=devices,
        num_nodes=spec.nodes,
        strategy=strategy,
        # Explicit, because inside a SLURM or MPI job Fabric would expect that job to launch the workers.
        plugins=[LightningEnvironment()],
    )
    check_strategy(strategy, type(fabric.strategy).__name__)
    return fabric


def check_strategy(requested: str, resolved: str) -> None:
    """Raises EngineError when Fabric resolved `requested` to another class than STRATEGIES has for it."""
    if resolved != STRATEGIES[requested]:
        raise EngineError(
            f"Lightning Fabric was asked for {requested!r} and chose {resolved} instead of {STRATEGIES[requested]};"
            " nothing is run under another's name"
        )


def check_gpus(devices: int) -> None:
    """Raises Unavailable when this host has fewer than `devices` GPUs."""
    import torch

    if (have := torch.cuda.device_count()) < devices:
        raise Unavailable(f"--device cuda needs a GPU for each worker; this host has {have}: use --device cpu")


class FabricRank(Rank):
    """A process whose model, optimizer and batches Fabric has set up."""

    def __init__(self, fabric: Any) -> None:
        Rank.__init__(self, str(fabric.device), fabric.global_rank, fabric.world_size)
        self.fabric = fabric
        self.strategy = type(fabric.strategy).__name__

    def wrap(
        self, model: torch.nn.Module, optimizer: torch.optim.Optimizer, **options: Any
    ) -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        if options:  # Fabric takes them when it is made, before the model is known
            self.fabric.strategy._ddp_kwargs.update(options)
        wrapped: tuple[torch.nn.Module, torch.optim.Optimizer] = self.fabric.setup(model, optimizer)
        return wrapped

    def inside(self, model: torch.nn.Module) -> torch.nn.Module:
        within: torch.nn.Module = model._forward_module  # type: ignore[assignment]
        return within

    def loader(self, loader: DataLoader[Any]) -> Iterable[Any]:
        # Fabric calls the sampler's set_epoch with its own count of passes, from 0. The loop's warm-up is pass 0 and
        # epoch 1 is pass 1, so both counts agree.
        batches: Iterable[Any] = self.fabric.setup_dataloaders(loader, use_distributed_sampler=False)
        return batches

    def backward(self, loss: torch.Tensor) -> None:
        self.fabric.backward(loss)

    def barrier(self) -> None:
        self.fabric.barrier()


class FabricGroupRank(FabricRank, GroupRank):
    """A FabricRank that is one of several, in the process group that Fabric has formed."""

    def no_sync(self, model: torch.nn.Module) -> AbstractContextManager[Any]:
        within: AbstractContextManager[Any] = self.fabric.no_backward_sync(model)
        return within
