"""One pass over a worker's batches, with the time that each step waited for its batch and for the other workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.gradient_clock import GradientClock
from manyhands.backends.ranks.kept import Kept
from manyhands.backends.ranks.length import Length
from manyhands.backends.ranks.look import Look
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.work import Work
from manyhands.measure.phases import now

if TYPE_CHECKING:
    import torch

KEPT_LOSSES = 1000
"""Losses are read so many at a time: on a GPU each reading waits for it, and all of a long epoch would fill the memory."""
WARMUP_STEPS = 3
"""Steps before `train`: the first step allocates memory, and DDP builds its buckets after it. Then all that they changed is put back."""


@dataclass
class Split:
    """Parts of the time of `train`, in seconds, and the summed loss over real rows."""

    communicate_s: float = 0.0
    input_s: float = 0.0
    loss_sum: float = 0.0
    rows: int = 0
    steps: int = 0

    def add(self, other: Split) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def count(self, taken: list[tuple[torch.Tensor, int]]) -> None:
        """Adds the mean losses of batches with their rows, and empties the list."""
        self.rows += sum(rows for _, rows in taken)
        self.loss_sum += sum(float(loss) * rows for loss, rows in taken)
        taken.clear()

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


@dataclass
class Loop:
    """Everything that one worker needs to run epochs."""

    rank: Rank
    work: Work
    model: torch.nn.Module
    """As the rank has wrapped it."""
    optimizer: torch.optim.Optimizer
    gradients: GradientClock | None
    look: Look | None = None
    """Set for the first step alone, of which it sees the first batch."""

    def epoch(self, loader: Iterable[Any], length: Length | None = None) -> Split:
        """One pass over the worker's batches, or the part of one until `length` is reached."""
        self.model.train()
        result = Split()
        losses: list[tuple[torch.Tensor, int]] = []
        iterator = iter(loader)
        while length is None or length.goes_on():
            began = now()
            items = list(islice(iterator, self.work.accumulate))
            result.input_s += now() - began
            if self.ended(items, result):
                break
            taken, waited = self.step(items)
            result.communicate_s += waited
            losses += taken
            if len(losses) >= KEPT_LOSSES:
                result.count(losses)
            result.steps += 1
            if length is not None:
                length.steps += 1
        result.count(losses)
        return result

    def ended(self, items: list[Any], result: Split) -> bool:
        """True when there is no batch for the next step; of workers with unequally many, all end with the first."""
        if not self.work.ragged:
            return not items
        began = now()
        ended = self.rank.any(not items)
        result.communicate_s += now() - began
        return ended

    def step(self, items: Sequence[Any]) -> tuple[list[tuple[torch.Tensor, int]], float]:
        """One step of the optimizer on one or several batches; returns the mean loss and the rows of each, and the seconds spent
        waiting for other workers."""
        work, last = self.work, len(items) - 1
        taken = []
        self.optimizer.zero_grad()
        for number, item in enumerate(items):
            with nullcontext() if number == last else self.rank.no_sync(self.model):
                batch, weight, rows = work.take(item)
                loss = work.loss(self.model, batch)
                if self.look and not number:
                    self.look.at_loss(batch, loss)
                factor = weight / len(items)
                self.rank.backward(loss if factor == 1.0 else loss * factor)
            taken.append((loss.detach(), rows))
        waited = now() - self.gradients.ready if self.gradients else 0.0
        if self.look:
            self.look.at_gradients()
            self.look.close()
            self.look = None
        self.finish()
        return taken, waited

    def finish(self) -> None:
        """Changes the weights by the gradients of a step."""
        if self.work.clip_norm is not None:
            clip(self.work.bare, self.work.clip_norm)
        self.optimizer.step()
        self.work.step_ended()


def clip(model: torch.nn.Module, norm: float) -> None:
    """Makes the norm of all gradients at most `norm`."""
    from torch.nn.utils import clip_grad_norm_

    clip_grad_norm_(model.parameters(), norm)


def warm_up(loop: Loop) -> None:
    """Runs the first steps, then puts back all that they changed, so that training starts as if they had not been.

    The first of them is looked at.
    """
    work = loop.work
    kept, look = Kept.before(work, loop.optimizer), Look(work, loop.rank)
    loop.look = look
    try:
        loop.epoch(islice(work.loader, WARMUP_STEPS * work.accumulate))
    finally:
        look.close()
        loop.look = None
    if loop.gradients and not work.wrapping:
        loop.gradients.watch_latest()
    kept.put_back(work, loop.optimizer)
    work.warmed_up()


def timed(call: Callable[[], None]) -> float:
    """Seconds that a call takes."""
    began = now()
    call()
    return now() - began
