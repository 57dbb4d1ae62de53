"""`Training`: what a function of yours returns, so that `manyhands run mine.py:build` can train it on every backend.

In: a model, an optimizer, data and a loss, all in plain PyTorch. Every worker calls the function and so makes its own. This file
imports no torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

from manyhands.errors import UsageError

if TYPE_CHECKING:
    import torch
    from torch.optim.lr_scheduler import LRScheduler
    from torch.utils.data import DataLoader, Dataset

SCHEDULER_STEPS = ("step", "epoch")


@dataclass
class Training:
    """One training, for `manyhands run mine.py:build` with `def build() -> Training`.

    `build` is called in every worker, with torch's random state set from `--seed`: all workers start from the same weights.

        def build() -> Training:
            model = Net()
            optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
            return Training(model, optimizer, Digits(), loss, batch_size=64)
    """

    model: torch.nn.Module
    """On the CPU, not wrapped: the backend moves it and wraps it."""
    optimizer: torch.optim.Optimizer
    """Of the parameters of `model`."""
    data: Dataset[Any] | DataLoader[Any] | Iterable[Any]
    """A dataset (or a list) with a length and `[]`: manyhands deals its rows out, and the record proves rows and order by a hash. The same holds for
    a DataLoader of such a dataset, with its own batch size, collate_fn and num_workers, unless it has a sampler of its own.

    Other data - a dataset that is iterated over, or a DataLoader with its own sampler - are taken as they come: every worker trains
    all batches that its own data give it, so they must divide themselves, by `torch.distributed.get_rank()`. The record says so.
    """
    loss: Callable[[Any, Any], torch.Tensor] | None = None
    """`loss(outputs, batch)` gives the mean loss of a batch, a scalar; `batch` is what `data` gave, whole.

    None: the outputs of the model have the loss, as an attribute or a key `loss`, or are the loss.
    """
    _: KW_ONLY
    inputs: Callable[[Any], Any] | None = None
    """The part of a batch that the model is called with: `model(inputs(batch))`; a mapping is given as keywords, a tuple as arguments.

    None: all of a mapping; of a tuple or list the first, when there is a `loss`, and else all; a tensor as it is.
    """
    batch_size: int | None = None
    """Rows of a batch, shared by the workers, when `data` is a dataset; `--batch-size` goes before it. None means 64."""
    collate: Callable[[list[Any]], Any] | None = None
    """Rows -> batch; None means torch's own. Only when `data` is a dataset."""
    num_workers: int = 0
    """Processes of the DataLoader in every worker; `--loader-workers` goes before it."""
    scheduler: LRScheduler | None = None
    """Of `optimizer`."""
    scheduler_step: str = "step"
    """When `scheduler` makes its step: after every `step` of the optimizer, or after every `epoch`."""
    accumulate: int = 1
    """Batches whose gradients are averaged for one step of the optimizer; workers exchange them only with the last."""
    clip_norm: float | None = None
    """Largest norm of the gradients, as in `torch.nn.utils.clip_grad_norm_`."""
    autocast: torch.dtype | str | None = None
    """Type in which model and loss compute under `torch.autocast`, such as "bfloat16"; None means the type of the weights."""
    evaluate: Callable[[torch.nn.Module], Mapping[str, float]] | None = None
    """Model -> quality, such as {"accuracy": 0.97}: called on the first worker after training, outside the clock, without gradients,
    with the model in evaluation mode."""
    find_unused_parameters: bool = False
    """True when some steps leave out some parameters: passed to DistributedDataParallel."""

    def __post_init__(self) -> None:
        """Raises UsageError for a value that no training can have."""
        if self.scheduler_step not in SCHEDULER_STEPS:
            raise UsageError(f"Training(scheduler_step={self.scheduler_step!r}): allowed: {', '.join(SCHEDULER_STEPS)}")
        for name, least in (("batch_size", 1), ("accumulate", 1), ("num_workers", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise UsageError(f"Training({name}={value!r}): allowed: a whole number from {least} on")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise UsageError(f"Training(clip_norm={self.clip_norm!r}): allowed: a number above 0, or None")
