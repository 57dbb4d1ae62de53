"""Kind `network`: a workload gives arrays, a model, a loss and a score; the epoch loop is the same on every backend."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.fetch_request import FetchRequest
from manyhands.data.store.base import Store
from manyhands.data.store.multipart_files import StoredFile, download, files_below
from manyhands.workloads.arrays import Arrays, Fetched
from manyhands.workloads.workload import Workload

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class NetworkWorkload(Workload):
    """A network that the epoch loop trains, with one gradient step per batch."""

    kind: ClassVar[str] = "network"
    in_epochs: ClassVar[bool] = True
    shares_batches: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    extra: ClassVar[str] = "torch"

    learning_rate: float = 1e-3

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        self.load(data_dir).training_rows(samples)

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir).x_train)

    @abstractmethod
    def load(self, data_dir: Path | None) -> Arrays:
        """All rows; None means the embedded data. Raises DataError that names the wrong file."""

    def fetch(self, store: Store, request: FetchRequest) -> Fetched:
        """The requested rows of the data at `store`: fetches the files that `stored_files` names and reads them with `load`.

        Override this method when the files can be read in part. Raises DataError that names the wrong object.
        """
        with tempfile.TemporaryDirectory() as folder:
            download(store, self.stored_files(store), Path(folder))
            arrays = replace(self.load(Path(folder)), source=store.source)
        have = len(arrays.x_train)
        return Fetched(arrays.shared_rows(request.share) if request.share else arrays, have)

    def stored_files(self, store: Store) -> list[StoredFile]:
        """The files at `store` that `load` needs; by default the files in the folder named after the data set, or else all files."""
        return files_below(store, self.data)

    @abstractmethod
    def model(self) -> torch.nn.Module:
        """A new model; its weights are drawn from torch's current random state."""

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        """A batch of stored rows as the input of the model, in training and in scoring."""
        return x

    def prepare_training(self, x: torch.Tensor) -> torch.Tensor:
        """The same in a training step; override it for noise, shifts and the like, which scoring must not have."""
        return self.prepare(x)

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch, a scalar."""

    def optimizer(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Adam with the fused step: the same arithmetic in one call per step."""
        import torch

        return torch.optim.Adam(parameters, lr=self.learning_rate, fused=True)

    def learning_rate_at(self, epoch: int) -> float | None:
        """The learning rate of an epoch, counted from 1; None leaves the optimizer's own."""
        return None

    @abstractmethod
    def score(self, outputs: NDArray[np.float32], arrays: Arrays) -> dict[str, float]:
        """Quality on the held-out rows; `outputs`: the model's outputs for all of `x_test`, in order."""
