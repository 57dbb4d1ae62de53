"""The contract of a backend: a context manager whose entry launches, whose exit tears down, and `fit_<kind>` in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from manyhands.machine import require_libraries
from manyhands.plan import RunSpec


@dataclass(frozen=True)
class Fit:
    """What training gives back: the workers' own measurements, and what was learnt. Fields as in `record.Record`."""

    workers: Sequence[Mapping[str, Any]]
    """One per rank: `rank`, `host`, `threads`, `rows_seen`, `phases`, `train_split`, `started`, `ended`, ..."""
    resolved: Mapping[str, Any]
    quality: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    data: Mapping[str, Any]
    init_sha256: str | None = None


class Backend:
    """One way of spreading work over workers. Subclasses offer `fit_<kind>(spec) -> Fit` for each kind they can spread.

    Workers build the workload from the spec themselves, so nothing but plain values travels to them.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """One line for `manyhands list`."""
    libraries: ClassVar[tuple[str, ...]] = ()
    """Modules that must be importable."""
    extra: ClassVar[str] = ""
    """The extra of this package that installs them."""
    reusable: ClassVar[bool] = False
    """Whether entering starts something that can serve several runs (`--reuse-engine`), with at most its workers each."""
    spans_nodes: ClassVar[bool] = False
    """Whether several machines that each run the same command can share its workers (`--nodes`)."""
    prepares: ClassVar[tuple[str, ...]] = ("plain",)
    """Ways of preparing the data (`--windows-by`) that it offers."""
    in_default_plan: ClassVar[bool] = True
    """Whether `manyhands run` with no cells named shows it, where it is installed."""
    lacks: ClassVar[Mapping[str, str]] = {}
    """Kinds that it does not offer -> why, where that is worth a word."""
    limits_memory: ClassVar[bool] = False
    """Whether it keeps its workers within `spec.memory_limit`, or refuses what would not fit."""

    def __init__(self, spec: RunSpec, folder: Path) -> None:
        """`folder`: an empty folder of this run alone, removed after it."""
        self.spec = spec
        self.folder = folder

    def __enter__(self) -> Self:
        """Starts the engine, or joins the one at `spec.address`."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stops what entering started, and nothing else."""

    @classmethod
    def default_workers(cls, environ: Mapping[str, str]) -> int | None:
        """Workers that the engine's own variable in `environ` asks for when `--workers` does not; None when it asks for none."""
        return None

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        """Why this cell can never run here, in words; None when it can. Cheap: it starts and imports nothing."""
        return None

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        """Environment variables that the fresh process of this backend needs before it starts."""
        return {}

    @classmethod
    def require(cls) -> None:
        """Raises Unavailable with the install command when a library or service is missing."""
        require_libraries(cls.name, cls.libraries, cls.extra)


def kinds(backend: type[Backend]) -> list[str]:
    """The kinds of workload that a backend offers: read off its `fit_<kind>` methods."""
    return sorted(name.removeprefix("fit_") for name in dir(backend) if name.startswith("fit_"))
