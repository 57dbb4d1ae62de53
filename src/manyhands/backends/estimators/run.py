"""What every estimator run does the same way on every engine: set-up, the workers' reports, proof of the rows, and the `Fit`.

An engine gives its own calls as a small class: `RowsEngine` (clustering, boosting), `TaskEngine` (ensemble, search) or
`PreparationEngine`. Its backend's `fit_<kind>(spec)` then returns `<kind>_fit(spec, engine)`. The clock is the driver's: only
the engine's own call lies in `train`; loading and placing rows is `load`; hashing, prediction and scores are `evaluate`.
"""

from __future__ import annotations

import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Generic, TypeVar

from manyhands.backends.base import Fit
from manyhands.data.fingerprint import Fingerprint, fingerprint, total
from manyhands.data.row_parts import Rows
from manyhands.errors import EngineError, UsageError
from manyhands.machine import clock_name, host_name
from manyhands.measure.memory import forget_own_peak, own_memory
from manyhands.measure.phases import PhaseClock
from manyhands.measure.resources import own_cpu_s
from manyhands.measure.threads import read_threads, set_threads
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.workload import Workload

Data = TypeVar("Data")
"""What an engine holds rows as: an array, a Dask array, a DataFrame, ..."""
Kind = TypeVar("Kind", bound=Workload)
Report = Mapping[str, Any]
"""Plain values about one worker; what an engine cannot know is None."""
NOT_SPLIT = {"compute_s": None, "communicate_s": None, "input_s": None}


def probe() -> dict[str, Any]:
    """About the process that calls it; to be run in every worker, once before `load` and once after `train`.

    `host`, `pid`, `threads` read back, `cpu_user_s` and `cpu_system_s` so far, `peak_rss_bytes` and `peak_pss_bytes` since the
    one before.
    """
    user_s, system_s = own_cpu_s()
    memory = own_memory()
    forget_own_peak()
    return {
        "host": host_name(),
        "pid": os.getpid(),
        "threads": read_threads(),
        "cpu_user_s": user_s,
        "cpu_system_s": system_s,
        **memory,
    }


class Engine:
    """An engine's own part of an estimator run. `fit_<kind>` makes one, after entering the backend has started the workers."""

    strategy: str = "none"
    """What spreads the work, for the record: `dask-ml`, `xgboost.dask`, `joblib loky`, ..."""

    def probe(self) -> list[dict[str, Any]]:
        """What `probe()` gives in each worker, in the order of rank; the default is one worker, this process.

        Must return one report for each worker of the spec. Fields that a worker cannot tell are None.
        """
        return [probe()]


class RowsEngine(Engine, ABC, Generic[Data]):
    """The part that kinds trained on parts of rows share."""

    @abstractmethod
    def load(self, rows: Rows) -> Data:
        """Brings the training rows to where `train` takes them from: read, in memory (or spilling), nothing left lazy."""

    @abstractmethod
    def held(self, data: Data) -> list[Fingerprint]:
        """`fingerprint(x)` or `fingerprint(x, y)` of the rows that were trained on, as the engine holds them.

        One for each worker in the order of rank where that is known, else any number of them: their sum is held against the
        rows that were meant. Called after `train`, outside it.
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


def begin(spec: RunSpec, engine: Engine, *libraries: str) -> tuple[list[dict[str, Any]], PhaseClock]:
    """Sets this process's threads and asks every worker for its first report; the clock runs from then on.

    `libraries` are imported first: that takes a second or two, and is part of the launch, not of the load.
    """
    for library in libraries:
        import_module(library)
    set_threads(spec.threads, os.environ)
    reports = engine.probe()
    if len(reports) != spec.workers:
        raise EngineError(f"{spec.backend} was asked for {spec.workers} workers and {len(reports)} answered")
    return reports, PhaseClock()


def spent(before: Sequence[Report], after: Sequence[Report]) -> list[dict[str, Any]]:
    """The second reports with the CPU seconds since the first ones."""
    reports = []
    for first, second in zip(before, after, strict=True):
        cpu = {}
        for name in ("cpu_user_s", "cpu_system_s"):
            known = first.get(name) is not None and second.get(name) is not None and first.get("pid") == second.get("pid")
            cpu[name] = second[name] - first[name] if known else None
        reports.append(dict(second) | cpu)
    return reports


def prove_rows(spec: RunSpec, rows: Rows, held: Sequence[Fingerprint]) -> dict[str, Any]:
    """Count and fingerprint of the rows trained on; raises EngineError when they are not the rows that were meant."""
    meant = total(fingerprint(part.x(), part.y() if part.y_path else None) for part in rows.parts)
    trained = total(held)
    if trained != meant:
        raise EngineError(
            f"{spec.backend} trained on other rows than were meant: {trained.rows} of {meant.rows}, or with other values"
        )
    return {"rows_per_epoch": trained.rows, "rows_fingerprint": trained.hex()}


def rows_per_worker(spec: RunSpec, held: Sequence[Fingerprint]) -> list[int | None]:
    """Rows that each worker held, where the engine says so."""
    return [part.rows for part in held] if len(held) == spec.workers else [None] * spec.workers


def estimator_fit(
    spec: RunSpec,
    engine: Engine,
    clock: PhaseClock,
    workers: Sequence[Report],
    *,
    resolved: Report,
    quality: Report,
    data: Report,
    init_sha256: str | None = None,
) -> Fit:
    """The run's result. Every worker's phases are the driver's, since an engine's call returns for all workers at once."""
    shared = {
        "phases": {f"{phase}_s": seconds for phase, seconds in clock.seconds.items()},
        "clock": clock_name(),
        "started": clock.started,
        "ended": clock.ended,
    }
    reports = [{"rank": rank, "train_split": NOT_SPLIT} | dict(worker) | shared for rank, worker in enumerate(workers)]
    own = {"strategy": engine.strategy, "device": "cpu", "world_size": spec.workers}
    own["driver_peak_pss_bytes"] = own_memory()["peak_pss_bytes"]  # while it scored, in most engines
    return Fit(reports, own | dict(resolved), quality, [], data, init_sha256)


def describe_rows(name: str, source: str, train: Rows, test: Rows | None = None) -> dict[str, Any]:
    """Name, source, count and hash of the rows that were trained and scored on."""
    roles = {"train": train} | ({"test": test} if test else {})
    digest = hashlib.sha256("".join(rows.sha256() for rows in roles.values()).encode()).hexdigest()
    return {"name": name, "source": source, "sha256": digest, "rows": {role: len(rows) for role, rows in roles.items()}}
