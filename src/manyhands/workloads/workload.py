"""`Workload`: the base class of every workload. The subclasses in `workloads/kinds/` add the methods of one kind each.

A workload is a frozen dataclass. Its fields are its settings, which `--set name=value` changes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from manyhands.errors import UsageError
from manyhands.machine import host_name, placed, require_libraries
from manyhands.user_files import file_and_name, load, name_after_class
from manyhands.workloads.settings import read_settings

OWN_DATA = "own data"
"""The data set of a user's workload that names none."""


@dataclass(frozen=True)
class Workload(ABC):
    """Name, defaults, settings and data checks, which every workload has."""

    kind: ClassVar[str]
    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for `manyhands list`."""
    data: ClassVar[str]
    """The data set that the workload reads."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Modules that must be importable to train the workload."""
    extra: ClassVar[str] = ""
    """The extra of this package that installs the libraries."""
    epochs: ClassVar[int] = 1
    """Default number of epochs."""
    batch_size: ClassVar[int | None] = 64
    """Default batch size; None: the workload tells it only when it is trained."""
    fewest_workers: ClassVar[int] = 1
    """The smallest worker count that can be measured."""
    in_epochs: ClassVar[bool] = False
    """True when the epoch loop of `backends.ranks` trains it, step by step."""
    shares_batches: ClassVar[bool] = False
    """True when the workers share the rows of every step; only then does `--batch global` have a meaning."""
    quality: ClassVar[str]
    """The metric that is shown first."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        name_after_class(cls, data=OWN_DATA)

    @classmethod
    def batch_mode(cls, asked: str = "global") -> str:
        """`asked` when the workers share every step; otherwise `per-worker`: the batch size counts the rows of one worker."""
        return asked if cls.shares_batches else "per-worker"

    @classmethod
    def require(cls) -> None:
        """Raises Unavailable with the install command when a library is missing."""
        require_libraries(cls.name, cls.libraries, cls.extra)

    @abstractmethod
    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        """Reads the data once and makes the embedded set if it is missing; raises DataError when `samples` rows are too many."""

    def check_epochs(self, epochs: int) -> None:  # noqa: B027 - few workloads limit the epochs
        """Raises UsageError when the workload cannot train for this number of epochs."""

    @abstractmethod
    def count_rows(self, data_dir: Path | None) -> int:
        """The number of training rows; raises DataError as `check_data` does."""

    def training_bytes(self, data_dir: Path | None, samples: int | None) -> int | None:
        """Bytes that the training rows need in memory, found without loading them; None when the workload cannot know it."""
        return None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        """The workload with some settings changed; text is converted to the type of the default.

        Raises UsageError for a setting that does not exist or a value of the wrong type.
        """
        return cls(**read_settings(cls.name, cls.defaults(), settings))

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """All settings with their defaults."""
        return {f.name: f.default for f in fields(cls)}

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles the path of a user's file with the workload, so that a worker that never loaded the file can read it."""
        return rebuild, (file_and_name(type(self)) or type(self), vars(self))

    @classmethod
    def accepts(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The part of `settings` that this workload knows, so that one `--set` can go to several workloads."""
        names = cls.defaults()
        return {name: value for name, value in settings.items() if name in names}


def rebuild(of: type[Workload] | str, values: Mapping[str, Any]) -> Workload | Lacking:
    """A pickled workload as an object again; `of` is its class, or `path/to/file.py:Name`."""
    try:
        workload: Workload = object.__new__(load(of) if isinstance(of, str) else of)
    except UsageError as error:
        return Lacking(f"{placed(str(error), host_name())}, where the files of this workload must have the same paths")
    vars(workload).update(values)
    return workload


class Lacking:
    """A workload whose file this machine lacks: its first use raises UsageError. An error while it is unpickled would end a worker of Dask."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # Python and libraries look whether there is such a method
            raise AttributeError(name)
        raise UsageError(vars(self).get("reason", name))
