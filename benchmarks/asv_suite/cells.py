"""The base classes of `training`: they run each cell once, then return its numbers.

Chosen by environment variables, because asv has no options for it; with their defaults:
    MANYHANDS_ASV_BACKENDS=serial,ddp,joblib
    MANYHANDS_ASV_WORKERS=1,2
    MANYHANDS_ASV_SAMPLES=512 (0 for all rows)
    MANYHANDS_ASV_EPOCHS=1
    MANYHANDS_ASV_REPEATS=1 (launches of each cell; their median is kept)
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

Cached = dict[str, list[dict[str, Any]]]
"""Cell -> the records of its launches, as plain values; without the cells that are not run."""
MB = 1e6


def choice(name: str, default: str) -> list[str]:
    """The comma-separated values of MANYHANDS_ASV_<name>."""
    return [value.strip() for value in os.environ.get(f"MANYHANDS_ASV_{name}", default).split(",")]


def key(backend: str, workers: int) -> str:
    """The name of a cell in the cache."""
    return f"{backend} x {workers}"


class Cells(ABC):
    """One workload over backends and workers. asv shows n/a for the cells that are not run here."""

    workload: ClassVar[str]
    params: ClassVar = (choice("BACKENDS", "serial,ddp,joblib"), [int(count) for count in choice("WORKERS", "1,2")])
    param_names: ClassVar = ("backend", "workers")
    timeout: ClassVar = 3600

    @abstractmethod
    def setup_cache(self) -> Cached:
        """`run_cells()`, once for all numbers of the class. asv tells these methods apart by file and line: never inherit one."""

    def run_cells(self) -> Cached:
        """Every cell that can run here, launched in turn as often as asked."""
        from manyhands.machine import usable_cores
        from manyhands.plugins import workload_class
        from manyhands.run import Surroundings, measure, refusal

        specs = [spec for backend, workers in product(*self.params) if (spec := self.spec(backend, workers))]
        specs = [spec for spec in specs if refusal(spec) is None and spec.workers * spec.threads <= usable_cores()]
        for spec in specs[:1]:  # makes the embedded data before anything is timed
            workload_class(spec.workload).from_settings({}).check_data(_folder(spec.data_dir), spec.total_samples)
        surroundings = Surroundings()
        cached: Cached = {}
        for _, spec in product(range(int(choice("REPEATS", "1")[0])), specs):
            record = json.loads(measure(spec, surroundings).to_json())
            cached.setdefault(key(spec.backend, spec.workers), []).append(record)
        return cached

    def spec(self, backend: str, workers: int) -> Any:
        """The run of one cell."""
        from manyhands.data.folder import data_dir
        from manyhands.plan import RunSpec
        from manyhands.plugins import workload_class

        folder, workload = data_dir(None), workload_class(self.workload)
        return RunSpec(
            workload=self.workload,
            backend=backend,
            workers=workers,
            epochs=int(choice("EPOCHS", "1")[0]),
            samples=int(choice("SAMPLES", "512")[0]) or None,
            batch_size=workload.batch_size,
            batch=workload.batch_mode(),
            data_dir=str(folder.resolve()) if folder else None,
        )

    def setup(self, cached: Cached, backend: str, workers: int) -> None:
        """Skips the cells that are not run here, which asv shows as n/a."""
        records = cached.get(key(backend, workers), [])
        reasons = [record["reason"] for record in records if record["status"] == "skipped"]
        if reasons or not records:
            raise NotImplementedError(reasons[0] if reasons else f"{key(backend, workers)} is not run here; see 'manyhands list'")

    def track_wall_s(self, cached: Cached, backend: str, workers: int) -> float:
        return self.middle(cached[key(backend, workers)], lambda record: record["wall_s"])

    def track_train_s(self, cached: Cached, backend: str, workers: int) -> float:
        return self.middle(cached[key(backend, workers)], lambda record: record["phases"]["train_s"])

    def track_peak_pss_mb(self, cached: Cached, backend: str, workers: int) -> float:
        return self.middle(cached[key(backend, workers)], lambda record: record["resources"]["peak_pss_bytes"] / MB)

    def track_quality(self, cached: Cached, backend: str, workers: int) -> float:
        from manyhands.plugins import workload_class

        name = workload_class(self.workload).quality
        return self.middle(cached[key(backend, workers)], lambda record: record["quality"][name])

    track_wall_s.unit = track_train_s.unit = "s"  # type: ignore[attr-defined]
    track_peak_pss_mb.unit = "MB"  # type: ignore[attr-defined]

    def middle(self, records: list[dict[str, Any]], value: Callable[[dict[str, Any]], float]) -> float:
        """The median over the launches; raises RuntimeError with the reason when one of them failed."""
        for record in records:
            if record["status"] != "ok":
                raise RuntimeError(record["reason"])
        return median(value(record) for record in records)


class NetworkCells(Cells):
    """A workload that is trained step by step. asv takes up for worse, so the last epoch's loss stands beside the quality."""

    def track_step_ms(self, cached: Cached, backend: str, workers: int) -> float:
        return self.middle(cached[key(backend, workers)], step_ms)

    def track_loss(self, cached: Cached, backend: str, workers: int) -> float:
        return self.middle(cached[key(backend, workers)], lambda record: record["history"][-1]["loss"])

    track_step_ms.unit = "ms"  # type: ignore[attr-defined]
    track_loss.unit = "loss"  # type: ignore[attr-defined]


def step_ms(record: dict[str, Any]) -> float:
    """Milliseconds of one step in the steady part of training."""
    steps = record["resolved"]["steps_per_epoch"] * record["spec"]["epochs"]
    return float(1000 * record["phases"]["train_s"] / steps)


def _folder(name: str | None) -> Path | None:
    return Path(name) if name else None
