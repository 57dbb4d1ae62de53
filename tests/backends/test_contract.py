"""What every backend that offers networks must keep to, ours and those of entry points: found, never listed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from manyhands.backends.base import kinds
from manyhands.data.partition import epoch_order, shard
from manyhands.plan import RunSpec
from manyhands.plugins import backend_classes
from manyhands.record import Record
from manyhands.run import Surroundings, measure, refusal
from manyhands.temporary import own_prefix

pytestmark = pytest.mark.slow

SAMPLES = 1001
"""An odd number, so that two workers do not divide it evenly and one row is padding."""
Measured = Callable[[str, int], Record]


def spec(backend: str, workers: int) -> RunSpec:
    # lstm with dropout off, because masks are drawn per rank.
    return RunSpec(
        workload="lstm", backend=backend, workers=workers, samples=SAMPLES, epochs=2, settings={"dropout": 0.0}, timeout_s=200
    )


CELLS = [
    (name, workers)
    for name, backend in backend_classes().items()
    for workers in (1, 2)
    if "network" in kinds(backend) and backend.refuse(spec(name, workers)) is None
]
"""What is not impossible by definition, such as two workers of `serial` or `fabric-dp` on CPU."""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The record of one run of a backend, made once; skips with the reason where the cell cannot be run here."""
    surroundings = Surroundings(log_folder=tmp_path_factory.mktemp("logs"))

    @cache
    def run(backend: str, workers: int) -> Record:
        wanted = spec(backend, workers)
        if reason := refusal(wanted):
            pytest.skip(f"{wanted.label}: {reason}")
        record = measure(wanted, surroundings)
        assert record.ok, record.reason
        return record

    return run


@pytest.fixture(params=CELLS, ids=lambda cell: f"{cell[0]}-{cell[1]}")
def record(request: pytest.FixtureRequest, measured: Measured) -> Record:
    return measured(*request.param)


def losses(record: Record) -> list[float]:
    return [epoch["loss"] for epoch in record.history]


@pytest.mark.parametrize("backend", [name for name, workers in CELLS if workers == 1])
def test_one_worker_learns_what_serial_learns(backend: str, measured: Measured) -> None:
    serial, one = measured("serial", 1), measured(backend, 1)
    assert one.init_sha256 == serial.init_sha256
    assert one.data == serial.data
    assert losses(one) == pytest.approx(losses(serial), abs=1e-5)
    assert one.quality == pytest.approx(serial.quality, rel=1e-3)


@pytest.mark.parametrize("backend", [name for name, workers in CELLS if workers == 2])
def test_two_workers_learn_what_ddp_and_serial_learn(backend: str, measured: Measured) -> None:
    two = measured(backend, 2)
    assert two.init_sha256 == measured("serial", 1).init_sha256
    assert losses(two) == pytest.approx(losses(measured("ddp", 2)), abs=1e-4)
    assert losses(two) == pytest.approx(losses(measured("serial", 1)), abs=1e-4)


def test_every_rank_sees_the_rows_that_the_partition_promises(record: Record) -> None:
    workers = record.spec["workers"]
    assert [worker["rank"] for worker in record.per_worker] == list(range(workers))
    for worker in record.per_worker:
        seen, digest = 0, hashlib.sha256()
        for epoch in (1, 2):
            rows = shard(epoch_order(SAMPLES, 0, epoch), workers, worker["rank"]).rows
            seen += len(rows)
            digest.update(rows.tobytes())
        assert worker["rows_seen"] == seen
        assert worker["rows_sha256"] == digest.hexdigest()


def test_threads_read_back_are_those_asked_for(record: Record) -> None:
    for worker in record.per_worker:
        assert worker["threads"]["torch"] == 1
        assert set(worker["threads"].values()) == {1}, worker["threads"]


def test_phases_sum_to_the_wall_time(record: Record) -> None:
    assert record.wall_s is not None
    assert sum(seconds for seconds in record.phases.values() if seconds is not None) == pytest.approx(record.wall_s, rel=0.02)
    assert record.phases["save_s"] is None
    assert all(record.phases[f"{phase}_s"] for phase in ("launch", "load", "warmup", "train", "evaluate", "teardown"))


def test_split_sums_to_train_and_serial_communicates_nothing(record: Record) -> None:
    for worker in record.per_worker:
        parts = [seconds for seconds in worker["train_split"].values() if seconds is not None]
        assert sum(parts) == pytest.approx(worker["phases"]["train_s"], rel=1e-6)
    assert (record.train_split["communicate_s"] is None) == (record.spec["backend"] == "serial")


def test_resources_of_the_whole_tree_are_measured(record: Record) -> None:
    assert record.resources["cpu_s"] > sum(worker["cpu_user_s"] for worker in record.per_worker) > 0
    assert record.resources["peak_pss_bytes"] > 100e6


def test_nothing_had_to_be_ended_by_force(record: Record) -> None:
    assert "ended_by_force" not in record.resources


def test_what_really_ran_is_said(record: Record) -> None:
    resolved = record.resolved
    assert resolved["world_size"] == record.spec["workers"]
    assert resolved["device"] == "cpu"
    assert resolved["rows_per_epoch"] == SAMPLES
    assert (resolved["strategy"] == "none") == (record.spec["backend"] == "serial")


def test_temporary_folder_is_gone(record: Record) -> None:
    assert not list(Path(tempfile.gettempdir()).glob(f"{own_prefix()}{os.getpid()}-*"))
