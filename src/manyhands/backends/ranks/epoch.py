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
from manyhands.backends.sync.strategy import Strategy
from manyhands.measure.phases import now

if TYPE_CHECKING:
    import torch

KEPT_LOSSES = 1000
"""Losses are read so many at a time: on a GPU each reading waits for it, and all of a long epoch would fill the memory."""
WARMUP_STEPS = 3
"""Steps before `train`: the first step allocates memory, and DDP builds its buckets after it. Then all that they changed is put back."""

ALONE_STEPS = 64
"""Steps of a worker that has the machine for itself, at most: those of an epoch of 4,096 rows in batches of 64."""


@dataclass
class Split:
    """Parts of the time of `train`, in seconds, and the summed loss over real rows."""

    communicate_s: float = 0.0
    input_s: float = 0.0
    synchronise_s: float = 0.0
    """Compressing, copying and averaging, where a strategy does so besides training."""
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
        synchronise = self.synchronise_s if measured and self.synchronise_s else None
        known = rank.device == "cpu"
        return {
            "compute_s": train_s - self.input_s - (communicate or 0.0) - (synchronise or 0.0) if known else None,
            "communicate_s": communicate,
            "input_s": self.input_s,
            "synchronise_s": synchronise,
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
    sync: Strategy
    look: Look | None = None
    """Set for the first step alone, of which it sees the first batch."""

    @property
    def batches(self) -> int:
        """Batches of a step of the optimizer."""
        return self.work.accumulate * self.sync.batches

    @property
    def steps(self) -> int | None:
        """Steps of an epoch; None when that is not known before."""
        return None if self.work.batches is None else -(-self.work.batches // self.batches)

    def epoch(self, loader: Iterable[Any], length: Length | None = None) -> Split:
        """One pass over the worker's batches, or the part of one until `length` is reached."""
        self.model.train()
        result = Split()
        losses: list[tuple[torch.Tensor, int]] = []
        iterator, batches = iter(loader), self.batches
        while length is None or length.goes_on():
            began = now()
            items = list(islice(iterator, batches))
            result.input_s += now() - began
            if self.ended(items, result, length):
                break
            taken, waited = self.step(items)
            result.communicate_s += waited
            losses += taken
            if len(losses) >= KEPT_LOSSES:
                result.count(losses)
            result.steps += 1
            if length is not None:
                length.steps += 1
        self.sync.epoch_ended()
        self.take_times(result)
        result.count(losses)
        return result

    def take_times(self, result: Split) -> None:
        """Adds the seconds that the strategy has measured since it was last asked."""
        result.communicate_s += self.sync.waited_s
        result.synchronise_s += self.sync.spent_s
        self.sync.waited_s = self.sync.spent_s = 0.0

    def ended(self, items: list[Any], result: Split, length: Length | None) -> bool:
        """True when there is no batch for the next step; of workers with unequally many, all end with the first.

        Without an exchange each ends by itself, unless `length` would then give them unequally many epochs, at whose ends they meet.
        """
        if not self.work.ragged or not (self.sync.exchanges or length):
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
            with nullcontext() if number == last or not self.sync.wraps else self.rank.no_sync(self.model):
                batch, weight, rows = work.take(item)
                loss = work.loss(self.model, batch)
                if self.look and not number:
                    self.look.at_loss(batch, loss)
                factor = weight / len(items)
                self.rank.backward(loss if factor == 1.0 else loss * factor)
            taken.append((loss.detach(), rows))
        waited = 0.0
        if self.gradients:
            waited = now() - self.gradients.ready - self.sync.hooked_s(self.gradients.ready)
        if self.look:
            self.look.at_gradients()
            self.look.close()
            self.look = None
        self.sync.exchange()
        self.finish()
        return taken, waited

    def finish(self) -> None:
        """Changes the weights by the gradients of a step."""
        if self.work.clip_norm is not None:
            clip(self.work.bare, self.work.clip_norm)
        self.optimizer.step()
        self.sync.after_step()
        self.work.step_ended()


def clip(model: torch.nn.Module, norm: float) -> None:
    """Makes the norm of all gradients at most `norm`."""
    from torch.nn.utils import clip_grad_norm_

    clip_grad_norm_(model.parameters(), norm)


def warm_up(loop: Loop) -> float | None:
    """Runs the first steps, then puts back all that they changed, so that training starts as if they had not been.

    The first of them is looked at. Returns the seconds of a step of one worker while the others wait; None with an exchange.
    """
    work = loop.work
    optimizer = loop.sync.kept(loop.optimizer)
    kept, look = Kept.before(work, optimizer), Look(work, loop.rank)
    loop.look = look
    try:
        loop.epoch(islice(work.loader, WARMUP_STEPS * loop.batches))
    finally:
        look.close()
        loop.look = None
    if loop.gradients and not work.wrapping:
        loop.gradients.watch_latest()
    alone_s = None if loop.sync.exchanges else time_alone(loop)
    kept.put_back(work, optimizer)
    loop.sync.put_back()
    work.warmed_up()
    return alone_s


def time_alone(loop: Loop) -> float:
    """Seconds of a step of rank 0 while all others wait, so that it has the machine for itself; 0 on the other ranks."""
    step_s = 0.0
    loop.rank.barrier()
    if loop.rank.rank == 0:
        began = now()
        steps = loop.epoch(islice(loop.work.loader, ALONE_STEPS * loop.batches)).steps
        step_s = (now() - began) / max(steps, 1)
    loop.rank.barrier()
    return step_s


def timed(call: Callable[[], None]) -> float:
    """Seconds that a call takes."""
    began = now()
    call()
    return now() - began
