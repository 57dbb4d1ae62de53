"""The contract of all engines that offer estimators, which are found, never listed. Each cell runs once, in a fresh process."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from contract import CLOCK_S, KNOWN, estimator, estimator_cells, native, own_voters

from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.run import RunContext, measure, refusal

pytestmark = pytest.mark.slow

TOLERANCE = {"kmeans": 1e-6, "xgboost": 0.02, "ensemble": 0.0, "search": 0.0, "prepare": 1e-5}
"""How far a metric may be from serial's, relative: engines that sum in another order cannot give the same bits, boosters grow other
trees from merged sketches; members and candidates are trained whole, so they are the same."""
CELLS = estimator_cells()


def ok(record: Record) -> Record:
    assert record.ok, record.reason
    return record


@pytest.fixture(params=CELLS, ids=lambda cell: "-".join(map(str, cell)))
def record(request: pytest.FixtureRequest, measured: Any) -> Record:
    return ok(measured.shared(estimator(*request.param)))


def scalars(record: Record) -> dict[str, float]:
    return {name: value for name, value in record.quality.items() if isinstance(value, float)}


def test_learns_what_serial_learns_from_the_same_rows(record: Record, measured: Any) -> None:
    workload = record.spec["workload"]
    serial = ok(measured.shared(estimator(workload, "serial", 1)))
    assert record.data == serial.data
    assert record.init_sha256 == serial.init_sha256
    assert record.resolved.get("rows_fingerprint") == serial.resolved.get("rows_fingerprint")
    assert scalars(record) == pytest.approx(scalars(serial), rel=TOLERANCE[workload], abs=TOLERANCE[workload])
    assert record.quality.get("best_parameters") == serial.quality.get("best_parameters")


def test_phases_sum_to_the_wall_time(record: Record) -> None:
    assert record.wall_s is not None
    assert sum(seconds for seconds in record.phases.values() if seconds is not None) == pytest.approx(
        record.wall_s, rel=0.02, abs=CLOCK_S
    )
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
def test_label_is_never_among_the_features(cell: tuple[str, str, int], measured: Any) -> None:
    record = ok(measured.shared(estimator(*cell)))
    assert record.resolved["columns"] == 2
    assert KNOWN - 0.1 < record.quality["accuracy"] < KNOWN + 0.05


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell[0] == "xgboost"], ids=lambda cell: cell[1])
def test_workers_train_on_even_shares_and_their_start_is_launch(cell: tuple[str, str, int], measured: Any) -> None:
    record = ok(measured.shared(estimator(*cell)))
    assert record.resolved["rounds"] == 10
    seen = [worker["rows_seen"] for worker in record.per_worker]
    if cell[1] == "ray":
        assert record.phases["train_s"] < record.phases["launch_s"]
        assert None not in seen
    if None not in seen:
        assert sum(seen) == record.resolved["rows_per_epoch"]
        assert max(seen) - min(seen) <= 1 or cell[1] == "dask"


@pytest.mark.parametrize("cover", ["shard", "full"])
def test_members_spread_over_the_workers_visit_every_row_equally_often(cover: str, measured: Any) -> None:
    spec = estimator("ensemble", "joblib", 2)
    if cover == "full":
        spec = replace(spec, settings={"cover": cover})
    record = ok(measured.shared(spec))
    assert record.resolved["row_visits"] == sum(worker["rows_seen"] for worker in record.per_worker) == 4 * 1000
    assert sum(worker["tasks"] for worker in record.per_worker) == 4
    assert record.resolved["strategy"] == "joblib loky"
    assert record.resolved["predict_s"] < record.phases["evaluate_s"]
    assert all(worker["busy_s"] <= worker["phases"]["train_s"] for worker in record.per_worker)


@pytest.mark.parametrize("backend", [name for workload, name, _ in CELLS if workload == "ensemble"])
def test_workload_of_a_file_reaches_workers_that_cannot_import_it(backend: str, measured: Any) -> None:
    record = ok(measured.shared(own_voters(backend, 1 if backend == "serial" else 2)))
    assert record.resolved["model"] == "OwnPerceptron"


@pytest.mark.parametrize("cell", [cell for cell in CELLS if cell[0] == "kmeans"], ids=lambda cell: cell[1])
def test_own_initialisation_finds_clusters_as_good(cell: tuple[str, str, int], measured: Any) -> None:
    shared, own = ok(measured.shared(estimator(*cell))), ok(measured.shared(native(*cell[1:])))
    assert shared.init_sha256 is not None
    assert own.init_sha256 is None
    assert own.quality["inertia"] < 1.5 * shared.quality["inertia"]


@pytest.mark.parametrize("backend", ["dask"])
def test_rows_within_a_limit_give_the_same_trees_as_without(backend: str, measured: Any, tmp_path: Path) -> None:
    wanted = estimator("xgboost", backend, 2)
    plain, limited = (
        measured.shared(wanted),
        measure(replace(wanted, memory_limit=1_000_000_000), RunContext(log_folder=tmp_path)),
    )
    assert plain.ok, plain.reason
    assert limited.ok, limited.reason
    assert (plain.resolved["strategy"], limited.resolved["strategy"]) == ("xgboost.dask", "xgboost.dask, external memory")
    assert limited.quality["log_loss"] == pytest.approx(plain.quality["log_loss"], rel=1e-6)


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
