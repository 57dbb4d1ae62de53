"""The contract of all engines that offer estimators, which are found, never listed. Each cell runs once, in a fresh process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhands.backends.base import kinds
from manyhands.plan import RunSpec
from manyhands.plugins import backend_classes, workload_class
from manyhands.record import Record
from manyhands.run import RunContext, measure, refusal

pytestmark = pytest.mark.slow
OWN = Path(__file__).with_name("own_voters.py")

SMALL: Mapping[str, dict[str, Any]] = {
    # No tolerance: when it stops dask-ml, that returns the centres from before the last movement, up to 1e-5 of inertia away.
    "kmeans": {"samples": 5000, "settings": {"max_iterations": 10, "tolerance": 0.0}},
    "xgboost": {"settings": {"file": "planted.csv", "label": "planted", "rounds": 10}},
    "ensemble": {"samples": 1000, "epochs": 4, "batch_size": 50},
    "search": {"samples": 300, "settings": {"trees": 3, "depths": ("2", "5"), "leaves": ("1",)}},
    "prepare": {"samples": 500},
}
TOLERANCE = {"kmeans": 1e-6, "xgboost": 0.02, "ensemble": 0.0, "search": 0.0, "prepare": 1e-5}
"""Largest relative difference of a metric from serial's: engines that sum in another order give other bits, and boosters grow other
trees from merged sketches; members and candidates are trained whole, so they are equal."""
KNOWN = 0.8
"""Share of the planted labels that the features predict: a model that uses the label itself as a feature would predict all."""
CELLS = [
    (workload, name, workers)
    for workload in SMALL
    for name, backend in backend_classes().items()
    if workload_class(workload).kind in kinds(backend)
    for workers in ((1,) if name == "serial" else (2,))
]
Measured = Callable[[str, str, int], Record]


def plant(path: Path) -> None:
    """Writes 5,000 rows of two features and, in a column between them, the label."""
    chance = np.random.default_rng(0)
    a, b = chance.random((2, 5000))
    labels = (a > b) ^ (chance.random(5000) > KNOWN)
    lines = [f"{x:.3f},{label:d},{y:.3f}" for x, label, y in zip(a, labels, b, strict=True)]
    path.write_text("\n".join(["a,planted,b", *lines]))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The record of one cell, made once; skips with the reason where it cannot be run here."""
    context = RunContext(log_folder=tmp_path_factory.mktemp("logs"))
    files = tmp_path_factory.mktemp("files")
    plant(files / "planted.csv")

    @cache
    def run(workload: str, backend: str, workers: int) -> Record:
        options = {"workload": workload, "backend": backend, "workers": workers, "batch": "per-worker", "timeout_s": 300}
        spec = RunSpec.from_dict(options | SMALL[workload])
        if "file" in spec.settings:
            spec = replace(spec, settings={**spec.settings, "file": str(files / str(spec.settings["file"]))})
        if reason := refusal(spec):
            pytest.skip(f"{spec.label}: {reason}")
        record = measure(spec, context)
        assert record.ok, record.reason
        return record

    return run


@pytest.fixture(params=CELLS, ids=lambda cell: "-".join(map(str, cell)))
def record(request: pytest.FixtureRequest, measured: Measured) -> Record:
    return measured(*request.param)


def scalars(record: Record) -> dict[str, float]:
    return {name: value for name, value in record.quality.items() if isinstance(value, float)}


def test_learns_what_serial_learns_from_the_same_rows(record: Record, measured: Measured) -> None:
    workload = record.spec["workload"]
    serial = measured(workload, "serial", 1)
    assert record.data == serial.data
    assert record.init_sha256 == serial.init_sha256
    assert record.resolved.get("rows_fingerprint") == serial.resolved.get("rows_fingerprint")
    assert scalars(record) == pytest.approx(scalars(serial), rel=TOLERANCE[workload], abs=TOLERANCE[workload])
    assert record.quality.get("best_parameters") == serial.quality.get("best_parameters")


def test_phases_sum_to_the_wall_time(record: Record) -> None:
    assert record.wall_s is not None
    assert sum(seconds for seconds in record.phases.values() if seconds is not None) == pytest.approx(record.wall_s, rel=0.02)
    assert all(record.phases[f"{phase}_s"] for phase in ("launch", "load", "train", "evaluate", "teardown"))


def test_every_worker_reports(record: Record) -> None:
    assert [worker["rank"] for worker in record.per_worker] == list(range(record.spec["workers"]))
    for worker in record.per_worker:
        assert worker["host"]
        assert worker["peak_rss_bytes"] is None or worker["peak_rss_bytes"] > 1e6
        assert worker["threads"] is None or set(worker["threads"].values()) == {1}, worker["threads"]


def test_nothing_had_to_be_ended_by_force(record: Record) -> None:
    assert "ended_by_force" not in record.resources


def test_the_record_is_json_and_back(record: Record) -> None:
    assert Record.from_json(record.to_json()).quality.keys() == record.quality.keys()


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell[0] == "xgboost"], ids=lambda cell: cell[1])
def test_label_is_never_among_the_features(cell: tuple[str, str, int], measured: Measured) -> None:
    record = measured(*cell)
    assert record.resolved["columns"] == 2
    assert KNOWN - 0.1 < record.quality["accuracy"] < KNOWN + 0.05


@pytest.mark.parametrize("cover", ["shard", "full"])
def test_members_spread_over_the_workers_visit_every_row_equally_often(
    cover: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    spec = RunSpec(
        workload="ensemble", backend="joblib", workers=2, samples=1000, epochs=4, batch="per-worker", settings={"cover": cover}
    )
    record = measure(spec, RunContext(log_folder=tmp_path_factory.mktemp("logs")))
    assert record.ok, record.reason
    assert record.resolved["row_visits"] == sum(worker["rows_seen"] for worker in record.per_worker) == 4 * 1000
    assert sum(worker["tasks"] for worker in record.per_worker) == 4
    assert record.resolved["strategy"] == "joblib loky"
    assert record.resolved["predict_s"] < record.phases["evaluate_s"]
    assert all(worker["busy_s"] <= worker["phases"]["train_s"] for worker in record.per_worker)


@pytest.mark.parametrize("backend", ["serial", "joblib", "dask"])
def test_workload_of_a_file_reaches_workers_that_cannot_import_it(backend: str, tmp_path: Path) -> None:
    workers = 1 if backend == "serial" else 2
    spec = RunSpec(
        workload=f"{OWN}:Voters", backend=backend, workers=workers, batch="per-worker", samples=400, epochs=2, timeout_s=100
    )
    if reason := refusal(spec):
        pytest.skip(reason)
    record = measure(spec, RunContext(log_folder=tmp_path))
    assert record.ok, record.reason
    assert record.resolved["model"] == "OwnPerceptron"


def test_serial_refuses_what_does_not_fit_with_the_sizes() -> None:
    spec = RunSpec(workload="kmeans", backend="serial", samples=1_000_000, memory_limit=100_000_000)
    assert "64 MB of rows, and as much again for the copy that training makes, do not fit --memory-limit 100 MB" in str(
        refusal(spec)
    )
    assert refusal(RunSpec(workload="kmeans", backend="serial", samples=1000, memory_limit=100_000_000)) is None
    assert "does not report the size of its rows" in str(
        refusal(RunSpec(workload="search", backend="serial", memory_limit=10**9))
    )


def test_joblib_refuses_workers_that_would_do_nothing() -> None:
    spec = RunSpec(workload="ensemble", backend="joblib", workers=2, batch="per-worker", settings={"single": "true"})
    assert refusal(spec) == "1 member cannot keep 2 workers busy; use more --set members= or fewer --workers"
    assert "memory limit" in str(refusal(RunSpec(workload="search", backend="joblib", memory_limit=10**9)))
    assert "offers no clustering workloads" in str(refusal(RunSpec(workload="kmeans", backend="joblib")))
