"""The work of a user's function: the `Training` that it returns, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.kept import seed_everything
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.training_check import check, dtype_of, quality_of
from manyhands.backends.ranks.user_data import batches_of, with_batch_size
from manyhands.backends.ranks.weights import state_sha256, uneven_layers
from manyhands.backends.ranks.work import Taken, Work
from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.function import FunctionWorkload

if TYPE_CHECKING:
    import torch


class FunctionWork(Work):
    """A training that a function has built in this worker."""

    def __init__(self, rank: Rank, workload: FunctionWorkload, spec: RunSpec) -> None:
        """Calls the function, with all random generators seeded."""
        self.seed(spec.seed)
        self.training = training = workload.training()
        self.label = spec.workload.rpartition("/")[2]
        check(training, self.label)
        self.rank, self.spec = rank, with_batch_size(spec, training, self.label)
        self.bare = training.model.to(rank.device)
        self.init_sha256 = state_sha256(self.bare)
        self.optimizer, self.scheduler = training.optimizer, training.scheduler
        self.scheduler_step, self.accumulate = training.scheduler_step, training.accumulate
        self.clip_norm, self.data_state = training.clip_norm, training.data
        self.wrapping = {"find_unused_parameters": True} if training.find_unused_parameters else {}
        self.source = batches_of(training, self.label, rank, self.spec)
        self.loader = rank.loader(self.source.loader())
        self.rows, self.batches, self.ragged = self.source.rows, self.source.batches, self.source.ragged
        self.cautions = uneven_layers(self.bare)
        self.dtype = dtype_of(training.autocast, self.label)
        self.computing = computing(rank.device, self.dtype)

    def seed(self, number: int) -> None:
        seed_everything(number)

    def begin(self, epoch: int) -> None:
        self.source.begin(epoch)

    def take(self, item: Any) -> Taken:
        return self.source.take(item)

    def loss(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
        with self.computing:
            outputs = called(model, self.inputs_of(batch))
            return loss_in(outputs, self.label) if self.training.loss is None else self.training.loss(outputs, batch)

    def inputs_of(self, batch: Any) -> Any:
        """The part of a batch that the model takes."""
        if self.training.inputs is not None:
            return self.training.inputs(batch)
        if self.training.loss is not None and isinstance(batch, tuple | list):
            return batch[0]
        return batch

    def loss_of(self, outputs: Any, batch: Any) -> torch.Tensor | None:
        with self.computing:
            return None if self.training.loss is None else self.training.loss(outputs, batch)

    def check_outputs(self, outputs: Any) -> None:
        """Outputs may have any form: only the user's own functions see them."""

    def first_batch(self, batch: Any) -> None:
        self.cautions += self.source.first_batch(batch, self.rank)

    def score(self) -> dict[str, float]:
        import torch

        if self.training.evaluate is None:
            return {}
        self.bare.eval()
        with torch.no_grad():
            return quality_of(self.training.evaluate(self.bare), self.label)

    def data(self) -> dict[str, Any]:
        dataset = getattr(self.training.data, "dataset", self.training.data)
        rows = {"rows": {"train": self.rows}} if self.rows is not None else {}
        return {"name": type(dataset).__name__, "source": self.label} | rows

    def warmed_up(self) -> None:
        self.source.warmed_up()
        if getattr(self.training.data, "persistent_workers", False) and self.rows is not None:
            self.loader = self.rank.loader(self.source.loader())  # its processes went on drawing random numbers

    @property
    def worker_fields(self) -> dict[str, Any]:
        return self.source.seen

    @property
    def resolved(self) -> dict[str, Any]:
        source, training = self.source, self.training
        asked = training.num_workers if self.spec.loader_workers is None else self.spec.loader_workers
        own = {
            "batch_size": self.spec.batch_size,
            "scheduler": type(training.scheduler).__name__ if training.scheduler is not None else None,
            "clip_norm": training.clip_norm,
            "autocast": str(self.dtype).removeprefix("torch.") if self.dtype is not None else None,
            "loader_workers": getattr(self.loader, "num_workers", asked),
            "accumulate": training.accumulate if training.accumulate > 1 else None,
        }
        proof = {
            "door": "function",
            "proved": [*source.proved, "initial weights"],
            "not_proved": list(source.not_proved),
        }
        return super().resolved | {"proof": proof} | {name: value for name, value in own.items() if value is not None}


def computing(device: str, dtype: torch.dtype | None) -> AbstractContextManager[Any]:
    """The context of a step in which a model computes in this type; None means that of the weights."""
    import torch

    return nullcontext() if dtype is None else torch.autocast(device.partition(":")[0], dtype)


def called(model: torch.nn.Module, inputs: Any) -> Any:
    """The outputs of the model: a mapping is given as keywords, a tuple or a list as arguments."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    return model(*inputs) if isinstance(inputs, tuple | list) else model(inputs)


def loss_in(outputs: Any, label: str) -> torch.Tensor:
    """The loss in the outputs of a model that computes it itself; raises UsageError when there is none."""
    import torch

    if isinstance(outputs, torch.Tensor):
        return outputs
    found: Any = outputs.get("loss") if isinstance(outputs, Mapping) else getattr(outputs, "loss", None)
    if found is None:
        raise UsageError(
            f"{label}: no loss was given, and the outputs of the model, a {type(outputs).__name__}, have none;"
            " give Training(loss=...), or outputs with a loss"
        )
    return found  # type: ignore[no-any-return]  # looked at in the first step
