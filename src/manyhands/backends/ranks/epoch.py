"""One pass over a worker's batches, step by step, with what each step waited for its batch and for the other workers."""

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
"""Steps before the clock of `train` starts: the first allocates, DDP builds its buckets after it. Then all is set back."""


@dataclass
class Split:
    """Where the time of `train` went, in seconds, and the summed loss over real rows."""

    communicate_s: float = 0.0
    input_s: float = 0.0
    loss_sum: float = 0.0
    rows: int = 0

    def add(self, other: Split) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def of(self, train_s: float, rank: Rank) -> dict[str, float | None]:
        """The split of `train_s`; on a GPU, whose work runs on after the call, only `input` can be told apart."""
        measured = rank.communicates and rank.device == "cpu"
        communicate = self.communicate_s if measured else None
        known = rank.device == "cpu"
        return {
            "compute_s": train_s - self.input_s - (communicate or 0.0) if known else None,
            "communicate_s": communicate,
            "input_s": self.input_s,
        }


class GradientClock:
    """When the last gradient of a backward pass was computed: what the pass still takes after it is waiting for workers."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.ready = 0.0
        self.latest = -1
        """Number of the parameter whose gradient was computed last."""
        self.hooks: list[Any] = [
            parameter.register_hook(partial(self._stamp, number))  # type: ignore[no-untyped-call]
            for number, parameter in enumerate(model.parameters())
        ]

    def _stamp(self, number: int, gradient: torch.Tensor) -> None:
        self.latest, self.ready = number, now()

    def watch_latest(self) -> None:
        """From now on watches only the parameter that came last so far: a hook on each of many small ones costs a few percent."""
        for number, hook in enumerate(self.hooks):
            if number != self.latest >= 0:
                hook.remove()


@dataclass
class Loop:
    """What one worker needs to run epochs."""

    rank: Rank
    workload: NetworkWorkload
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    gradients: GradientClock | None

    def set_learning_rate(self, epoch: int) -> None:
        """Gives the optimizer the rate of this epoch, where the workload has a schedule."""
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
    """Runs the first steps and sets weights and optimizer back, so that training starts from the initial weights."""
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
