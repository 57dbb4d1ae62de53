"""`Work`: what one worker trains, as the epoch loop sees it. `network.py` makes it of a class, `function.py` of a user's function."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.optim.lr_scheduler import LRScheduler

    from manyhands.plan import RunSpec

Taken = tuple[Any, float, int]
"""A batch, the weight of its mean loss in the mean over the workers, and its rows without padding."""


class Work(ABC):
    """A model with its optimizer, its batches and its loss. A subclass sets all attributes that have no value here."""

    label: str
    """The name in messages."""
    spec: RunSpec
    """The spec of the run, with the batch size that was really used."""
    bare: torch.nn.Module
    """The model, without what the rank wraps around it."""
    init_sha256: str
    """Hash of the initial weights."""
    optimizer: torch.optim.Optimizer
    loader: Iterable[Any]
    """The batches of a pass, in the form that `take` takes."""
    rows: int | None
    """Rows of an epoch, over all workers; None when that is not known before."""
    batches: int | None
    """Batches of a worker in an epoch; None when that is not known before."""
    ragged: bool = False
    """True when some workers may have more batches than others: then they ask each other before every step."""
    accumulate: int = 1
    """Batches of a step of the optimizer."""
    clip_norm: float | None = None
    scheduler: LRScheduler | None = None
    scheduler_step: str = "step"
    wrapping: Mapping[str, Any] = {}
    """Options of DistributedDataParallel."""
    data_state: Any = None
    """The object whose random generators the warm-up puts back."""
    cautions: list[str]
    """Reasons why this training does not compare fairly, a line each."""

    def seed(self, number: int) -> None:
        """Seeds the random generators that training draws from."""
        import torch

        torch.manual_seed(number)

    @abstractmethod
    def begin(self, epoch: int) -> None:
        """Prepares an epoch, counted from 1: order of rows, learning rate. 0 is the warm-up."""

    @abstractmethod
    def take(self, item: Any) -> Taken:
        """An item of the loader as a batch."""

    @abstractmethod
    def loss(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
        """Mean loss of a batch, a scalar."""

    @abstractmethod
    def loss_of(self, outputs: Any, batch: Any) -> torch.Tensor | None:
        """The loss of the model's outputs; None when the model itself computes it."""

    @abstractmethod
    def check_outputs(self, outputs: Any) -> None:
        """Raises UsageError when the outputs of the first step are not what the score needs."""

    @abstractmethod
    def score(self) -> dict[str, float]:
        """Quality of the model as it is now."""

    @abstractmethod
    def data(self) -> dict[str, Any]:
        """The record's field `data`, as far as this worker knows it."""

    @abstractmethod
    def first_batch(self, batch: Any) -> None:
        """Looks at the first batch of the warm-up; every worker calls it at the same time."""

    @abstractmethod
    def warmed_up(self) -> None:
        """Forgets what the warm-up counted, and anything that it left in the loader."""

    def step_ended(self) -> None:
        """Moves a schedule per step on."""
        if self.scheduler is not None and self.scheduler_step == "step":
            self.scheduler.step()

    def epoch_ended(self) -> None:
        """Moves a schedule per epoch on."""
        if self.scheduler is not None and self.scheduler_step == "epoch":
            self.scheduler.step()

    def packed(self) -> bytes:
        """The bytes of a model file."""
        raise NotImplementedError

    @property
    @abstractmethod
    def worker_fields(self) -> dict[str, Any]:
        """Fields of the worker's report about its rows."""

    @property
    def resolved(self) -> dict[str, Any]:
        """Settings of its own for the record."""
        return {"cautions": self.cautions} if self.cautions else {}
