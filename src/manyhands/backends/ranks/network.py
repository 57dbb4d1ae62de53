"""The work of a class: arrays in memory, dealt out to the workers, and the model of a `NetworkWorkload`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.load import load_rows, rows_sum
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.rows import row_loader
from manyhands.backends.ranks.sampler import FixedSampler, ShardSampler
from manyhands.backends.ranks.score import outputs_of
from manyhands.backends.ranks.weights import state_sha256, uneven_layers
from manyhands.backends.ranks.work import Taken, Work
from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.user_files import is_of_file
from manyhands.workloads._model_file import pack
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch

PROOF = {"door": "class", "proved": ["rows", "order of rows", "initial weights"], "not_proved": []}


class NetworkWork(Work):
    """A network that a class describes."""

    def __init__(self, rank: Rank, workload: NetworkWorkload, spec: RunSpec, prepared: Callable[[], Arrays] | None) -> None:
        """Reads the rows and makes the model."""
        import torch

        self.label, self.workload, self.spec, self.rank = workload.name, workload, spec, rank
        self.loaded = load_rows(rank, workload, spec, prepared)
        torch.manual_seed(spec.seed)
        self.bare = workload.model().to(rank.device)
        self.init_sha256 = state_sha256(self.bare)
        self.optimizer = workload.optimizer(self.bare.parameters())
        self.sampler = (FixedSampler if spec.shard_data else ShardSampler)(self.loaded.rows, rank.world_size, rank.rank, spec)
        self.loader = rank.loader(row_loader(self.loaded.arrays, self.sampler, rank.device))
        self.rows, self.batches = self.loaded.rows, len(self.sampler)
        self.cautions = uneven_layers(self.bare)

    def begin(self, epoch: int) -> None:
        self.sampler.set_epoch(epoch)
        rate = self.workload.learning_rate_at(epoch) if epoch else None
        if rate is not None:
            for group in self.optimizer.param_groups:
                group["lr"] = rate

    def take(self, item: Any) -> Taken:
        x, y, weight = item
        return (x, y), weight, len(y) if weight else 0

    def loss(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
        x, y = batch
        return self.workload.loss(model(self.workload.prepare_training(x)), y)

    def loss_of(self, outputs: Any, batch: Any) -> torch.Tensor:
        return self.workload.loss(outputs, batch[1])

    def check_outputs(self, outputs: Any) -> None:
        import torch

        if not isinstance(outputs, torch.Tensor):
            raise UsageError(
                f"{self.label}: its model gives a {type(outputs).__name__}, and the score of a class needs one tensor with a row for"
                " each row of the batch; give that, or write a function that returns a Training"
            )

    def first_batch(self, batch: Any) -> None:
        """All rows are dealt out: no two workers have the same."""

    def score(self) -> dict[str, float]:
        arrays = self.loaded.arrays
        return self.workload.score(outputs_of(self.workload, self.bare, arrays.x_test, self.rank.device), arrays)

    def data(self) -> dict[str, Any]:
        if self.rank.rank and not self.spec.shard_data:
            return {}
        return describe_data(self.workload, self.loaded.arrays, self.spec.shard_data)

    def warmed_up(self) -> None:
        self.sampler.forget()

    def packed(self) -> bytes:
        return pack(self.workload, self.bare)

    @property
    def worker_fields(self) -> dict[str, Any]:
        seen = {"rows_seen": self.sampler.rows_seen, "rows_sha256": self.sampler.rows_hash.hexdigest()}
        return seen | dict(self.loaded.fetched)

    @property
    def resolved(self) -> dict[str, Any]:
        return super().resolved | ({"proof": PROOF} if is_of_file(self.spec.workload) else {})


def network_workload(spec: RunSpec) -> NetworkWorkload:
    """The workload of the spec with its settings; raises UsageError when it is not of kind `network`."""
    workload = workload_class(spec.workload).from_settings(spec.settings)
    if not isinstance(workload, NetworkWorkload):
        raise UsageError(f"{spec.workload} is of kind {workload.kind}, not network")
    return workload


def describe_data(workload: NetworkWorkload, arrays: Arrays, shared: bool = False) -> dict[str, Any]:
    """Name, source, rows and hash of the rows that were trained and scored on.

    `shared`: this worker has only its share of the rows, so it adds `rows_sum`, to be summed over the workers.
    """
    described = arrays.describe(workload.data)
    if not shared:
        return described
    train, test = rows_sum(arrays.x_train, arrays.y_train), rows_sum(arrays.x_test, arrays.y_test)
    return described | {"rows_sum": train, "test_rows_sum": test}
