"""Kind `function`: a user's own function `build() -> Training`, named `path/to/mine.py:build`. Its keyword arguments are the settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from manyhands.errors import UsageError
from manyhands.training import Training
from manyhands.workloads.settings import read_settings
from manyhands.workloads.workload import Workload


@dataclass(frozen=True)
class FunctionWorkload(Workload):
    """A training that a function builds; every function has a subclass of its own."""

    kind: ClassVar[str] = "function"
    name: ClassVar[str] = "function"
    summary: ClassVar[str] = "a training that a function of your own builds"
    data: ClassVar[str] = "the function's own"
    quality: ClassVar[str] = ""
    batch_size: ClassVar[int | None] = None
    in_epochs: ClassVar[bool] = True
    shares_batches: ClassVar[bool] = True
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    extra: ClassVar[str] = "torch"
    build: ClassVar[Callable[..., object]]
    """The function."""
    arguments: ClassVar[Mapping[str, Any]] = {}
    """Its arguments with their defaults."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    """The arguments that are given."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        """The function reads its own data, in every worker."""

    def count_rows(self, data_dir: Path | None) -> int:
        return 0

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        return dict(cls.arguments)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Self:
        return cls(read_settings(cls.name, cls.arguments, settings))

    def training(self) -> Training:
        """The Training that the function returns; raises UsageError when that is no Training."""
        made = type(self).build(**self.settings)
        if not isinstance(made, Training):
            raise UsageError(f"{self.name}() gave {_described(made)}, not a manyhands.Training; return Training(model, ...)")
        return made


def function_workload(name: str, function: Callable[..., object]) -> type[FunctionWorkload]:
    """The workload of a function, which `name` names; raises UsageError when it has an argument without a default."""
    arguments = inspect.signature(function).parameters.values()
    named = [one for one in arguments if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    if missing := [one.name for one in named if one.default is one.empty or one.kind is one.POSITIONAL_ONLY]:
        raise UsageError(f"{name} needs {', '.join(missing)}; give each argument a default, which --set NAME=VALUE changes")
    words = (inspect.getdoc(function) or FunctionWorkload.summary).splitlines()
    attributes = {
        "name": name.rpartition(".py:")[2] or name,
        "summary": words[0],
        "build": staticmethod(function),
        "arguments": {one.name: one.default for one in named},
    }
    return type("FunctionWorkload", (FunctionWorkload,), attributes)


def _described(made: object) -> str:
    return "nothing" if made is None else f"a {type(made).__name__}"
