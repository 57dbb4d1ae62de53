"""What a user's function builds, on every backend for networks: the same training, measured and proved in the same way."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from contract import CLOCK_S, TIMEOUT_S, function, network_cells

from manyhands.data.partition import epoch_order, shard
from manyhands.plan import RunSpec
from manyhands.plugins import backend_classes
from manyhands.record import Record

pytestmark = pytest.mark.slow

CELLS = network_cells()
SPREAD = [name for name, workers in CELLS if workers == 2 and name != "spark-local"]
"""Backends with two workers; the workers of `spark-local` are those of `spark`."""
OWN = Path(__file__).parent / "own_training" / "train.py"


def ok(record: Record) -> Record:
    assert record.ok, record.reason
    return record


def own(name: str, workers: int = 2, backend: str = "ddp", **changes: Any) -> RunSpec:
    """A function that only one backend is tried with."""
    given = {"batch_size": None, "timeout_s": TIMEOUT_S, "yardstick": ("none",)} | changes
    return RunSpec(workload=f"{OWN}:{name}", backend=backend, workers=workers, **given)


@pytest.mark.parametrize("backend", SPREAD)
def test_two_workers_learn_what_serial_learns(backend: str, measured: Any) -> None:
    serial, two = ok(measured.shared(function("serial", 1))), ok(measured.shared(function(backend, 2)))
    assert two.init_sha256 == serial.init_sha256
    assert [epoch["loss"] for epoch in two.history] == pytest.approx([epoch["loss"] for epoch in serial.history], abs=1e-4)
    assert two.quality == pytest.approx(serial.quality, rel=1e-3)
    assert two.data == serial.data
    assert "cautions" not in two.resolved


@pytest.mark.parametrize("backend", SPREAD)
def test_rows_phases_and_code_are_recorded(backend: str, measured: Any) -> None:
    two = ok(measured.shared(function(backend, 2)))
    for worker in two.per_worker:
        orders = [shard(epoch_order(301, 0, epoch), 2, worker["rank"]).rows for epoch in (1, 2)]
        assert worker["rows_sha256"] == hashlib.sha256(b"".join(order.tobytes() for order in orders)).hexdigest()
    assert two.resolved["proof"]["proved"] == ["numbers of rows", "order of rows", "initial weights"]
    assert (two.resolved["batch_size"], two.resolved["worker_batch_size"], two.resolved["loader_workers"]) == (16, 8, 1)
    assert list(two.code["files"]) == ["rows.py", "train.py"]
    assert sum(seconds for seconds in two.phases.values() if seconds is not None) == pytest.approx(
        two.wall_s, rel=0.02, abs=CLOCK_S
    )
    assert two.train_split["communicate_s"] > 0
    assert "ended_by_force" not in two.resources


def test_every_network_backend_offers_functions() -> None:
    assert all(hasattr(backend, "fit_function") for backend in backend_classes().values() if hasattr(backend, "fit_network"))


def test_workers_whose_data_are_unequally_long_stop_together(measured: Any) -> None:
    record = ok(measured.alone(own("as_it_comes", settings={"more": 90})))
    assert [worker["rows_seen"] for worker in record.per_worker] == [100, 100]
    assert (record.resolved["rows_trained"], record.resolved["proof"]["not_proved"]) == (200, ["rows", "order of rows"])
    assert "cautions" not in record.resolved


def test_workers_that_read_the_same_data_are_noticed(measured: Any) -> None:
    record = ok(measured.alone(own("as_it_comes", settings={"divided": False}, max_seconds=0.3)))
    (line,) = record.resolved["cautions"]
    assert line.startswith("the 2 workers begin with the same batch: if each reads all data")
    steps = {worker["rows_seen"] / 20 for worker in record.per_worker}
    assert steps == {record.resolved["steps_trained"] / 2}, "a worker takes ten of the twenty rows of a step"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("idle", "train.py:idle: the first step gives idle no gradient, and the workers wait for one; freeze them"),
        ("few", "the dataset has 1 rows for 2 workers; use more rows, a smaller batch or fewer workers"),
        ("raising", "failed: ValueError: a mistake of this function's own"),
    ],
)
def test_what_two_workers_cannot_train_is_one_line(name: str, error: str, measured: Any) -> None:
    record = measured.alone(own(name))
    assert record.status == "failed"
    assert error in str(record.reason)


def test_weights_without_a_gradient_train_when_they_are_named(measured: Any) -> None:
    serial, two = (ok(measured.alone(own("idle", workers, backend, settings={"find": True}))) for backend, workers in (("serial", 1), ("ddp", 2)))  # fmt: skip
    assert two.history[0]["loss"] == pytest.approx(serial.history[0]["loss"], abs=1e-4)
