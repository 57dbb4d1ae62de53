"""One pass over a worker's batches, with the time that each step waited for its batch and for the other workers."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.rank import Rank
from manyhands.measure.phases import now
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch

WARMUP_STEPS = 3
"""Steps before `train`: the first step allocates memory, and DDP builds its buckets after it. Then weights and optimizer are reset."""


@dataclass
class Split:
    """Parts of the time of `train`, in seconds, and the summed loss over real rows."""

    communicate_s: float = 0.0
    input_s: float = 0.0
    loss_sum: float = 0.0
    rows: int = 0

    def add(self, other: Split) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def of(self, train_s: float, rank: Rank) -> dict[str, float | None]:
        """The split of `train_s`; only `input` is known on a GPU, which goes on working after a call returns."""
        measured = rank.communicates and rank.device == "cpu"
        communicate = self.communicate_s if measured else None
        known = rank.device == "cpu"
        return {
            "compute_s": train_s - self.input_s - (communicate or 0.0) if known else None,
            "communicate_s": communicate,
            "input_s": self.input_s,
        }


class GradientClock:
    """Time of the last gradient of a backward pass: the rest of the pass is waiting for other workers."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.ready = 0.0
        self.latest = -1
        """Number of the parameter with the last gradient."""
        self.hooks: list[Any] = [
            parameter.register_hook(partial(self._stamp, number))  # type: ignore[no-untyped-call]
            for number, parameter in enumerate(parameter for parameter in model.parameters() if parameter.requires_grad)
        ]

    def _stamp(self, number: int, gradient: torch.Tensor) -> None:
        self.latest, self.ready = number, now()

    def watch_latest(self) -> None:
        """Keeps only the hook of the parameter with the last gradient: hooks on many small parameters cost a few percent."""
        for number, hook in enumerate(self.hooks):
            if number != self.latest >= 0:
                hook.remove()


@dataclass
class Loop:
    """Everything that one worker needs to run epochs."""

    rank: Rank
    workload: NetworkWorkload
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    gradients: GradientClock | None

    def set_learning_rate(self, epoch: int) -> None:
        """Sets the optimizer's learning rate of this epoch, if the workload has a schedule."""
        rate = self.workload.learning_rate_at(epoch)
        if rate is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate

    def epoch(self, loader: Iterable[Any]) -> Split:
        """One pass over the worker's batches."""
        self.model.train()
        result = Split()
        losses: list[torch.Tensor] = []
        counts: list[int] = []
        iterator = iter(loader)
        while True:
            began = now()
            item = next(iterator, None)
            result.input_s += now() - began
            if item is None:
                break
            x, y, weight = item
            loss, waited = self.step(x, y, weight)
            result.communicate_s += waited
            losses.append(loss)
            counts.append(len(y) if weight else 0)
        result.rows = sum(counts)
        result.loss_sum = sum(float(loss) * count for loss, count in zip(losses, counts, strict=True))
        return result

    def step(self, x: torch.Tensor, y: torch.Tensor, weight: float) -> tuple[torch.Tensor, float]:
        """One gradient step; returns the mean loss of the batch and the seconds spent waiting for other workers."""
        self.optimizer.zero_grad()
        loss = self.workload.loss(self.model(self.workload.prepare(x)), y)
        self.rank.backward(loss if weight == 1.0 else loss * weight)
        waited = now() - self.gradients.ready if self.gradients else 0.0
        self.optimizer.step()
        return loss.detach(), waited


def warm_up(loop: Loop, bare: torch.nn.Module, loader: Iterable[Any]) -> None:
    """Runs the first steps, then resets weights and optimizer, so that training starts from the initial weights."""
    weights, optimizer = copy.deepcopy(bare.state_dict()), copy.deepcopy(loop.optimizer.state_dict())
    loop.epoch(islice(loader, WARMUP_STEPS))
    if loop.gradients:
        loop.gradients.watch_latest()
    bare.load_state_dict(weights)
    loop.optimizer.load_state_dict(optimizer)


def timed(call: Callable[[], None]) -> float:
    """Seconds that a call takes."""
    began = now()
    call()
    return now() - began
