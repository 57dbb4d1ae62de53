"""`joblib` and `joblib-threads`: independent tasks on a pool of loky processes, or of threads of this process.

The backends offer ensembles and searches only: joblib distributes tasks, and the training of one model is one task on one worker.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, ClassVar, Self

from manyhands.backends.base import Backend, Fit
from manyhands.backends.estimators.refusal import too_few_tasks
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from manyhands.backends.estimators.joblib_tasks import JoblibTasks


class JoblibProcesses(Backend):
    """joblib with its default backend, loky: a pool of fresh processes."""

    name: ClassVar[str] = "joblib"
    summary: ClassVar[str] = "joblib on loky processes"
    libraries: ClassVar[tuple[str, ...]] = ("joblib", "sklearn")
    lacks: ClassVar[Mapping[str, str]] = {"script": "joblib calls functions; use ddp, spark, ray or dask for a script"}
    pool: ClassVar[str] = "loky"

    def __init__(self, spec: RunSpec, folder: Path) -> None:
        super().__init__(spec, folder)
        self._open = ExitStack()

    def __enter__(self) -> Self:
        from manyhands.backends.joblib.pool import open_pool

        self.tasks: JoblibTasks = self._open.enter_context(open_pool(self.pool, self.spec, self.folder))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._open.__exit__(kind, error, trace)

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        return too_few_tasks(spec)

    def fit_ensemble(self, spec: RunSpec) -> Fit:
        """One task for each member."""
        from manyhands.backends.estimators.ensemble import ensemble_fit

        return ensemble_fit(spec, self.tasks)

    def fit_search(self, spec: RunSpec) -> Fit:
        """One task for each candidate and fold."""
        from manyhands.backends.estimators.search import search_fit

        return search_fit(spec, self.tasks)


class JoblibThreads(JoblibProcesses):
    """joblib with threads: no array is copied, but outside NumPy Python's global lock lets only one thread run at a time."""

    name: ClassVar[str] = "joblib-threads"
    summary: ClassVar[str] = "joblib on threads of one process"
    pool: ClassVar[str] = "threading"
