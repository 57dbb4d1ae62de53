"""The kinds of workload. A workload is a frozen dataclass whose fields are its settings (`--set name=value`).

kind `network`: gives arrays, a model, a loss and a score; the epoch loop is the backends' and the same for all.
"""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from manyhands.data.fetch_request import FetchRequest, Share
from manyhands.data.store.base import Store
from manyhands.data.store.multipart_files import StoredFile, download, files_below
from manyhands.errors import DataError, UsageError
from manyhands.machine import require_libraries
from manyhands.user_files import file_and_name, load

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Workload(ABC):
    """What all kinds have in common."""

    kind: ClassVar[str]
    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for `manyhands list`."""
    data: ClassVar[str]
    """The data set it reads."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Modules that must be importable to train it."""
    extra: ClassVar[str] = ""
    """The extra of this package that installs them."""
    epochs: ClassVar[int] = 1
    """Default number of epochs."""
    batch_size: ClassVar[int] = 64
    """Default batch size."""
    fewest_workers: ClassVar[int] = 1
    """Workers below which there is nothing to measure."""
    shares_batches: ClassVar[bool] = False
    """Whether the workers share the rows of every step, so that `--batch global` means something."""
    quality: ClassVar[str]
    """The metric that is shown first."""

    @classmethod
    def batch_mode(cls, asked: str = "global") -> str:
        """What a batch size counts: as asked, or each worker's rows where the workers share no step."""
        return asked if cls.shares_batches else "per-worker"

    @classmethod
    def require(cls) -> None:
        """Raises Unavailable with the install command when a library is missing."""
        require_libraries(cls.name, cls.libraries, cls.extra)

    @abstractmethod
    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        """Reads the data once, making the embedded set if need be; raises DataError when it will not do for `samples` rows."""

    def check_epochs(self, epochs: int) -> None:  # noqa: B027 - few workloads mind
        """Raises UsageError when the workload cannot make so many passes."""

    @abstractmethod
    def count_rows(self, data_dir: Path | None) -> int:
        """How many training rows there are; raises DataError as `check_data` does."""

    def training_bytes(self, data_dir: Path | None, samples: int | None) -> int | None:
        """What the training rows take in memory, told without reading them into it; None when the workload cannot tell."""
        return None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The workload with some settings changed; text is read as the type of the default.

        Raises UsageError for a setting that does not exist or a value of the wrong type.
        """
        known = {f.name: f.default for f in fields(cls)}
        values = {}
        for name, value in settings.items():
            if name not in known:
                raise UsageError(
                    f"{cls.name} has no setting {name!r}; known: {', '.join(known) or 'none'}; see 'manyhands list {cls.name}'"
                )
            values[name] = _as_type_of(known[name], value, f"{cls.name} {name}")
        return cls(**values)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled with its file where it is of one, so that a worker, which has never loaded that, can read it."""
        return rebuild, (file_and_name(type(self)) or type(self), vars(self))

    @classmethod
    def accepts(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Those of `settings` that this workload has, so that one `--set` can go to several workloads."""
        names = {f.name for f in fields(cls)}
        return {name: value for name, value in settings.items() if name in names}


def rebuild(of: type[Workload] | str, values: Mapping[str, Any]) -> Workload:
    """A workload as it was pickled; a text is `path/to/file.py:Name`."""
    workload: Workload = object.__new__(load(of) if isinstance(of, str) else of)
    vars(workload).update(values)
    return workload


def _as_type_of(default: Any, value: Any, what: str) -> Any:
    if isinstance(default, tuple):
        return tuple(value.split(",")) if isinstance(value, str) else tuple(value)
    if not isinstance(value, str) or isinstance(default, str) or default is None:
        return value
    if isinstance(default, bool):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise UsageError(f"{what}={value} is neither true nor false")
    try:
        return type(default)(value)
    except ValueError:
        raise UsageError(f"{what}={value} is no {type(default).__name__}; the default is {default}") from None


@dataclass(frozen=True)
class Arrays:
    """What a network learns from and is scored on. `x_*`: (rows, ...), `y_*`: (rows,)."""

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    source: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What the workload's own `score` needs besides `y_test`."""

    def training_rows(self, samples: int | None) -> Arrays:
        """With `samples` training rows, drawn once and the same for every run, fewer being a part of more; None keeps all.

        Raises DataError when there are not as many.
        """
        have = len(self.x_train)
        if samples is None:
            return self
        if samples > have:
            raise DataError(f"{self.source} has {have} training rows, {samples} were asked for; use fewer --samples")
        rows = np.random.default_rng(0).permutation(have)[:samples]
        return Arrays(self.x_train[rows], self.y_train[rows], self.x_test, self.y_test, self.source, self.extra)

    def shared_rows(self, share: Share) -> Arrays:
        """With the training rows of one worker's share."""
        rows = share.rows(len(self.x_train), self.source)
        mine = slice(rows.start, rows.stop)
        return replace(self, x_train=self.x_train[mine], y_train=self.y_train[mine])

    def describe(self, name: str) -> dict[str, Any]:
        """For the record: the data set's `name`, source, and count and hash of the rows trained and scored on."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(np.ascontiguousarray(array).data)
        rows = {"train": len(self.x_train), "test": len(self.x_test)}
        return {"name": name, "source": self.source, "sha256": digest.hexdigest(), "rows": rows}


@dataclass(frozen=True)
class Fetched:
    """What a process fetched of a data set."""

    arrays: Arrays
    """Rows that were not needed are not in it."""
    rows: int
    """Training rows that the set has in all."""


@dataclass(frozen=True)
class NetworkWorkload(Workload):
    """Kind `network`: trained by the epoch loop, one gradient step per batch."""

    kind: ClassVar[str] = "network"
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
        """All rows; None means the embedded data. Raises DataError naming the file that is wrong."""

    def fetch(self, store: Store, need: FetchRequest) -> Fetched:
        """What `need` says of the data at `store`; fetches the files that `stored_files` names and reads them with `load`.

        Workloads whose files can be read in part override it. Raises DataError naming the object that is wrong.
        """
        with tempfile.TemporaryDirectory() as folder:
            download(store, self.stored_files(store), Path(folder))
            arrays = replace(self.load(Path(folder)), source=store.source)
        have = len(arrays.x_train)
        return Fetched(arrays.shared_rows(need.share) if need.share else arrays, have)

    def stored_files(self, store: Store) -> list[StoredFile]:
        """The files at `store` that `load` needs; by default all in the folder of the data set's name, or all there are."""
        return files_below(store, self.data)

    @abstractmethod
    def model(self) -> torch.nn.Module:
        """A new model with weights drawn from torch's current random state."""

    def prepare(self, x: torch.Tensor) -> torch.Tensor:
        """A batch of stored rows -> what the model takes."""
        return x

    @abstractmethod
    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Mean loss of a batch, a scalar."""

    def optimizer(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer:
        """Adam with the fused step, which does the same arithmetic in one call per step."""
        import torch

        return torch.optim.Adam(parameters, lr=self.learning_rate, fused=True)

    def learning_rate_at(self, epoch: int) -> float | None:
        """The learning rate of an epoch, counted from 1; None leaves the optimizer's as it is."""
        return None

    @abstractmethod
    def score(self, outputs: NDArray[np.float32], arrays: Arrays) -> dict[str, float]:
        """Quality on the held-out rows; `outputs`: the model's outputs for all of `x_test`, in order."""
