"""The part of an estimator run that is the same on every engine: set-up, the workers' reports, proof of the rows, and the `Fit`.

An engine wraps its own calls in a small class: `RowsEngine` (clustering, boosting), `TaskEngine` (ensemble, search) or
`PreparationEngine`. Its backend's `fit_<kind>(spec)` then returns `<kind>_fit(spec, engine)`. The driver measures the phases: only
the engine's own call is in `train`; loading and placing rows is `load`; hashing, prediction and scores are `evaluate`.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from manyhands.backends.base import Fit
from manyhands.data.fingerprint import Fingerprint, fingerprint, total
from manyhands.data.row_parts import Rows
from manyhands.errors import EngineError, UsageError
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.memory import forget_own_peak, own_memory
from manyhands.measure.phases import PhaseClock
from manyhands.measure.threads import set_threads
from manyhands.measure.worker_report import WorkerReport, report_of_this_process
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.workload import Workload

Data = TypeVar("Data")
"""The form in which an engine holds rows: an array, a Dask array, a DataFrame, ..."""
Kind = TypeVar("Kind", bound=Workload)
WORKER_FIELDS = (
    *("rank", "train_split", "host", "pid", "threads"),
    *("cpu_user_s", "cpu_system_s", "memory_layout", "peak_rss_bytes", "peak_pss_bytes", "rows_seen", "phases"),
)
"""Fields of a worker that a record keeps."""


def probe() -> dict[str, Any]:
    """The report of the process that calls it, as plain values; call it in every worker, before `load` and after `train`.

    CPU seconds are those since the start of the process, peaks of memory those since the previous call.
    """
    report = report_of_this_process()
    forget_own_peak()
    return report.to_dict()


class Engine:
    """An engine's own part of an estimator run. `fit_<kind>` makes one, after entering the backend has started the workers."""

    strategy: str = "none"
    """The library that spreads the work, for the record: `dask-ml`, `xgboost.dask`, `joblib loky`, ..."""
    worker_fields: Sequence[str] = WORKER_FIELDS
    """Fields of a worker that a record keeps, in this order."""

    def probe(self) -> list[dict[str, Any]]:
        """The result of `probe()` in each worker, in the order of rank; the default is one worker, this process.

        Must return one report for each worker of the spec. Fields that a worker cannot know are None.
        """
        return [probe()]


class RowsEngine(Engine, ABC, Generic[Data]):
    """The common part of kinds that train on rows."""

    @abstractmethod
    def load(self, rows: Rows) -> Data:
        """Brings the training rows to where `train` reads them: in memory (or spilled to disk), with no lazy step left."""

    @abstractmethod
    def held(self, data: Data) -> list[Fingerprint]:
        """`fingerprint(x)` or `fingerprint(x, y)` of the rows that were trained on, as the engine holds them.

        One for each worker in the order of rank where that is known, otherwise any number of them: their sum is compared with the
        rows of the spec. Called after `train`, outside it.
        """


def workload_of(spec: RunSpec, kind: type[Kind]) -> Kind:
    """The workload of the spec with its settings; raises UsageError when it is of another kind."""
    workload = workload_class(spec.workload).from_settings(spec.settings)
    if not isinstance(workload, kind):
        raise UsageError(f"{spec.workload} is of kind {workload.kind}, not {kind.kind}")
    return workload


def data_folder(spec: RunSpec) -> Path | None:
    """The folder of real data; None for the embedded data."""
    return Path(spec.data_dir) if spec.data_dir else None


def workers_of(engine: Engine) -> list[WorkerReport]:
    """A report from every worker of the engine."""
    return [WorkerReport.from_dict(values) for values in engine.probe()]


def start_run(spec: RunSpec, engine: Engine, *libraries: str) -> tuple[list[WorkerReport], PhaseClock]:
    """Sets this process's threads and asks every worker for its first report; the clock starts after that.

    `libraries` are imported first: that takes a second or two, and is part of the launch, not of the load.
    """
    with imports_without_collection():
        for library in libraries:
            import_module(library)
    set_threads(spec.threads, os.environ)
    reports = workers_of(engine)
    if len(reports) != spec.workers:
        raise EngineError(f"{spec.backend} was asked for {spec.workers} workers and {len(reports)} answered")
    return reports, PhaseClock()


def cpu_between(before: Sequence[WorkerReport], after: Sequence[WorkerReport]) -> list[WorkerReport]:
    """The second reports, with the CPU seconds since the first ones; None where they are of two processes."""
    return [
        replace(
            second,
            cpu_user_s=_since(first.cpu_user_s, second.cpu_user_s) if first.pid == second.pid else None,
            cpu_system_s=_since(first.cpu_system_s, second.cpu_system_s) if first.pid == second.pid else None,
        )
        for first, second in zip(before, after, strict=True)
    ]


def _since(first_s: float | None, second_s: float | None) -> float | None:
    return None if first_s is None or second_s is None else second_s - first_s


def with_rows(workers: Sequence[WorkerReport], spec: RunSpec, held: Sequence[Fingerprint]) -> list[WorkerReport]:
    """The reports with the rows that each worker held."""
    counts = rows_per_worker(spec, held)
    return [replace(worker, rows_seen=rows) for worker, rows in zip(workers, counts, strict=True)]


def prove_rows(spec: RunSpec, rows: Rows, held: Sequence[Fingerprint]) -> dict[str, Any]:
    """Count and fingerprint of the rows trained on; raises EngineError when they are not the rows of the spec."""
    meant = total(fingerprint(part.x(), part.y() if part.y_path else None) for part in rows.parts)
    trained = total(held)
    if trained != meant:
        raise EngineError(
            f"{spec.backend} trained on other rows than were meant: {trained.rows} of {meant.rows}, or with other values"
        )
    return {"rows_per_epoch": trained.rows, "rows_fingerprint": trained.hex()}


def rows_per_worker(spec: RunSpec, held: Sequence[Fingerprint]) -> list[int | None]:
    """Rows that each worker held; None where the engine does not know."""
    return [part.rows for part in held] if len(held) == spec.workers else [None] * spec.workers


def estimator_fit(
    spec: RunSpec,
    engine: Engine,
    clock: PhaseClock,
    workers: Sequence[WorkerReport],
    *,
    resolved: Mapping[str, Any],
    quality: Mapping[str, Any],
    data: Mapping[str, Any],
    init_sha256: str | None = None,
) -> Fit:
    """The run's result. Every worker's phases are the driver's, since an engine's call returns for all workers at once."""
    own = {"strategy": engine.strategy, "device": "cpu", "world_size": spec.workers}
    own["driver_peak_pss_bytes"] = own_memory()["peak_pss_bytes"]  # while it scored, in most engines
    return Fit(
        workers=[replace(worker, rank=rank).timed(clock) for rank, worker in enumerate(workers)],
        worker_fields=engine.worker_fields,
        resolved=own | dict(resolved),
        quality=quality,
        history=[],
        data=data,
        init_sha256=init_sha256,
    )


def describe_rows(name: str, source: str, train: Rows, test: Rows | None = None) -> dict[str, Any]:
    """Name, source, count and hash of the rows that were trained and scored on."""
    roles = {"train": train} | ({"test": test} if test else {})
    digest = hashlib.sha256("".join(rows.sha256() for rows in roles.values()).encode()).hexdigest()
    return {"name": name, "source": source, "sha256": digest, "rows": {role: len(rows) for role, rows in roles.items()}}
