"""The contract of a strategy, by which the workers of a network agree on their weights, the same on every engine.

A strategy is made once in every worker. Most let DistributedDataParallel average the gradients and change how; others leave the model
unwrapped and exchange gradients or weights themselves. A strategy of your own is a class in `path/to/file.py:Name`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from manyhands.errors import UsageError
from manyhands.measure.phases import now
from manyhands.plan import RunSpec
from manyhands.user_files import name_after_class

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class Site:
    """The training of a worker, as its strategy sees it."""

    label: str
    """The workload, as messages name it."""
    spec: RunSpec
    rank: int
    workers: int
    model: torch.nn.Module
    """Without what is wrapped around it; its weights are on the worker's device."""
    optimizer: torch.optim.Optimizer
    """Without what is wrapped around it."""
    accumulate: int
    """Batches whose gradients the training itself adds up for a step."""
    batches: int | None
    """Batches of this worker in an epoch; None when that is not known before."""
    steps: int | None
    """Steps of the optimizer in an epoch; None when that is not known before."""

    @property
    def epoch_steps(self) -> int | None:
        """Steps until the end of an epoch, or of training where that is sooner; None when that is not known before."""
        known = [count for count in (self.steps, self.spec.steps) if count is not None]
        return min(known, default=None)

    @property
    def all_steps(self) -> int | None:
        """Steps of the whole training; None when that is not known before."""
        if self.spec.steps is not None:
            return self.spec.steps
        return self.steps * self.spec.epochs if self.steps is not None and self.spec.counts_epochs else None

    @cached_property
    def weights(self) -> list[torch.nn.Parameter]:
        """The weights that are trained, each once."""
        return [weight for weight in self.model.parameters() if weight.requires_grad]

    @cached_property
    def weight_bytes(self) -> int:
        """Bytes of the weights that are trained, and of their gradients."""
        return sum(weight.numel() * weight.element_size() for weight in self.weights)


class Strategy:
    """One way for workers to agree on their weights. The calls of a step come in the order in which they stand here."""

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for `manyhands list`."""
    takes: ClassVar[str] = ""
    """The word for the value, such as K for `local=K`; empty for a strategy without a value."""
    exact: ClassVar[bool] = False
    """True when its losses are those of `every-step` within 1e-4."""
    wraps: ClassVar[bool] = True
    """True when DistributedDataParallel is wrapped around the model and averages the gradients."""
    exchanges: ClassVar[bool] = True
    """False for the limit alone."""
    ran: ClassVar[str | None] = None
    """The name of what averages where that is not DistributedDataParallel, for the record."""
    batches: int = 1
    """Batches of a worker that make one step of the optimizer."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        name_after_class(cls)

    def __init__(self, value: str = "") -> None:
        """Raises UsageError when the value is none that the strategy takes."""
        self.value = value
        self.waited_s = self.spent_s = 0.0
        """Seconds of waiting for other workers, and of compressing, copying and averaging, that the loop has not taken yet."""
        if value and not self.takes:
            raise UsageError(f"--sync {self.name}={value}: {self.name} takes no value; write --sync {self.name}")

    @property
    def text(self) -> str:
        """The strategy as the option spells it."""
        return f"{self.name}={self.value}" if self.value else self.name

    def whole(self, least: int) -> int:
        """The value as a whole number; raises UsageError when it is none, or below `least`."""
        if not (self.value.isascii() and self.value.isdigit() and int(self.value) >= least):
            raise UsageError(
                f"--sync {self.text}: {self.name} takes a whole number from {least} on; write for example {self.name}={max(least, 8)}"
            )
        return int(self.value)

    def refuse(self, spec: RunSpec) -> str | None:
        """The reason why a cell of several workers can never run with it; None when it can. Starts and imports nothing."""
        return None

    def options(self, site: Site) -> Mapping[str, Any]:
        """Options of DistributedDataParallel."""
        return {}

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        """Makes all ready, in every worker at the same time; returns the optimizer to use where that is not the one that there is.

        `wrapped`: None without `wraps`. Raises UsageError when this model or this length of training cannot be trained so.
        """
        self.site = site
        return None

    def kept(self, optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        """The optimizer with the state that the warm-up changes in this worker."""
        return optimizer

    def put_back(self) -> None:
        """Forgets what the warm-up has left in the strategy; weights and optimizer are put back already."""

    def hooked_s(self, ready: float) -> float:
        """Seconds after `ready`, the moment of the last gradient, in which a hook of the backward pass worked and did not wait."""
        return 0.0

    def exchange(self) -> None:
        """Called after the backward pass, before the optimizer."""

    def after_step(self) -> None:
        """Called when the optimizer has changed the weights."""

    def epoch_ended(self) -> None:
        """Called after the last step of an epoch: from here on all workers must have the same weights."""

    def sent_bytes(self, steps: int) -> float:
        """Bytes that this worker has sent to others in so many steps, all since `put_back`."""
        return steps * ring(self.site.weight_bytes, self.site.workers)

    def close(self) -> None:
        """Gives back what it holds besides memory of its own."""

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Counts the seconds inside as compressing, copying and averaging."""
        began = now()
        yield
        self.spent_s += now() - began


def ring(size: float, workers: int) -> float:
    """Bytes that each worker sends for the sum of so many bytes over all workers in a ring, as gloo makes it: 2 (n - 1) / n of them."""
    return 2 * (workers - 1) / workers * size


def check_interval(strategy: Strategy, every: int, have: int | None, what: str, site: Site) -> None:
    """Raises UsageError when an epoch has fewer steps or batches than there are between two exchanges: its end is one anyway."""
    if have is not None and every > have:
        use = f"use {strategy.name}={have} at most, or more rows" if have > 1 else "use more rows, or every-step"
        raise UsageError(f"--sync {strategy.text}: an epoch of {site.label} has {have} {what} on each worker; {use}")
