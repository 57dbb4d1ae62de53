"""The contract of a backend: a context manager whose entry launches, whose exit tears down, and `fit_<kind>` in between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from manyhands.machine import require_libraries
from manyhands.measure.worker_report import WorkerReport
from manyhands.plan import RunSpec
from manyhands.user_files import name_after_class


@dataclass(frozen=True)
class Fit:
    """The result of training: the workers' own measurements, and the quality reached. Other fields are those of `record.Record`."""

    workers: Sequence[WorkerReport]
    """One report for each worker, in order of rank."""
    worker_fields: Sequence[str]
    """Fields of a report that the record keeps, in this order."""
    resolved: Mapping[str, Any]
    quality: Mapping[str, Any]
    history: Sequence[Mapping[str, Any]]
    data: Mapping[str, Any]
    init_sha256: str | None = None
    code: Mapping[str, Any] = field(default_factory=dict)
    """The user's files that the workers ran: path below the folder of the first -> sha256; empty when the code is ours."""


class NodePartDone(Exception):
    """Raised by `fit_<kind>` on a machine that is not node 0, when its workers have ended well: node 0 has the result."""


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
    """True when one started engine can serve several runs (`--reuse-engine`) of at most as many workers as it has."""
    spans_nodes: ClassVar[bool] = False
    """True when several machines that each run the same command can share its workers (`--nodes`)."""
    prepares: ClassVar[tuple[str, ...]] = ("plain",)
    """Ways of preparing the data (`--windows-by`) that the backend offers."""
    in_default_plan: ClassVar[bool] = True
    """True when `manyhands run` without named cells includes the backend, if it is installed."""
    lacks: ClassVar[Mapping[str, str]] = {}
    """Kind that the backend does not offer -> reason, for kinds that need an explanation."""
    limits_memory: ClassVar[bool] = False
    """True when the backend keeps its workers within `spec.memory_limit`, or refuses a run that would not fit."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        name_after_class(cls)

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
        """Number of workers that the engine's own variable in `environ` asks for, used without `--workers`; None when it is not set."""
        return None

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        """Reason why this cell can never run here; None when it can. Cheap: it starts and imports nothing."""
        return None

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        """Environment variables that the fresh process of this backend needs before it starts."""
        return {}

    @classmethod
    def end_in_logs(cls, folder: Path) -> str | None:
        """The reason that the engine's logs in its `folder` give when the driver ended without one; None when they give none."""
        return None

    @classmethod
    def require(cls) -> None:
        """Raises Unavailable with the install command when a library or service is missing."""
        require_libraries(cls.name, cls.libraries, cls.extra)


def kinds(backend: type[Backend]) -> list[str]:
    """The kinds of workload that a backend offers: read off its `fit_<kind>` methods."""
    return sorted(name.removeprefix("fit_") for name in dir(backend) if name.startswith("fit_"))
