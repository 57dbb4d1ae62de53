"""What every backend that offers networks must keep to, ours and those of entry points: found, never listed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from contract import (
    CLOCK_S,
    SAMPLES,
    SLEEP_S,
    SYNCS,
    collective,
    faulty,
    lstm,
    network_cells,
    shared_cells,
    sizes_in_turn,
    synced,
    too_many_rows,
    uneven,
)

from manyhands.data.partition import epoch_order, shard
from manyhands.plugins import backend_classes
from manyhands.record import Record
from manyhands.report.page.build import to_html
from manyhands.report.terminal import to_text
from manyhands.temporary import own_prefix

pytestmark = pytest.mark.slow

CELLS = network_cells()
SPREAD = [name for name, workers in CELLS if workers == 2]
"""Backends that have two workers here."""
CHEAP = [name for name in SPREAD if name != "spark-local"]
"""Those that start in seconds or share an engine. `spark-local` does neither, and its workers are those of `spark`."""
REUSABLE = [name for name, backend in backend_classes().items() if backend.reusable]
UNRANKED = {"spark"}
"""Spark hands on what a worker raised, and not which one it was."""


def ok(record: Record) -> Record:
    assert record.ok, record.reason
    return record


@pytest.fixture
def cell(measured: Any) -> Callable[[str, int], Record]:
    """The record of `lstm`: with two workers in an engine of its own, with one in an engine that serves other cells too."""

    def of(backend: str, workers: int) -> Record:
        return ok((measured.alone if workers == 2 else measured.shared)(lstm(backend, workers)))

    return of


@pytest.fixture(params=CELLS, ids=lambda cell: f"{cell[0]}-{cell[1]}")
def record(request: pytest.FixtureRequest, cell: Callable[[str, int], Record]) -> Record:
    return cell(*request.param)


@pytest.fixture
def plain_serial(measured: Any) -> Record:
    """The record of `lstm` on one worker of serial without dropout, with which two workers are compared."""
    return ok(measured.shared(lstm("serial", 1, dropout=0.0)))


def losses(record: Record) -> list[float]:
    return [epoch["loss"] for epoch in record.history]


@pytest.mark.parametrize("backend", [name for name, workers in CELLS if workers == 1])
def test_one_worker_learns_what_serial_learns(backend: str, cell: Callable[[str, int], Record]) -> None:
    serial, one = cell("serial", 1), cell(backend, 1)
    assert one.init_sha256 == serial.init_sha256
    assert one.data == serial.data
    assert losses(one) == pytest.approx(losses(serial), abs=1e-5)
    assert one.quality == pytest.approx(serial.quality, rel=1e-3)


@pytest.mark.parametrize("backend", ["ray"])
def test_one_worker_of_ray_is_not_called_distributed(backend: str, cell: Callable[[str, int], Record]) -> None:
    record = cell(backend, 1)
    assert record.resolved["strategy"] == "prepare_model"
    assert record.resolved["model"] != "DistributedDataParallel"


@pytest.mark.parametrize("backend", SPREAD)
def test_two_workers_learn_what_ddp_and_serial_learn(
    backend: str, cell: Callable[[str, int], Record], plain_serial: Record
) -> None:
    two = cell(backend, 2)
    assert two.init_sha256 == plain_serial.init_sha256
    assert losses(two) == pytest.approx(losses(cell("ddp", 2)), abs=1e-4)
    assert losses(two) == pytest.approx(losses(plain_serial), abs=1e-4)


@pytest.mark.parametrize("sync", SYNCS)
@pytest.mark.parametrize("backend", [name for name in CHEAP if name != "ddp"])
def test_a_strategy_trains_the_same_on_every_engine(
    backend: str, sync: str, cell: Callable[[str, int], Record], measured: Any
) -> None:
    record, every_step = ok(measured.shared(synced(backend, sync))), cell("ddp", 2)
    assert losses(record) == pytest.approx(losses(every_step), abs=SYNCS[sync])
    assert record.init_sha256 == every_step.init_sha256
    sent, whole = (one.resolved["sync"]["bytes_sent_per_step"] for one in (record, every_step))
    assert (record.resolved["sync"]["strategy"], sent) == (sync, whole / 2 if sync == "fp16" else whole)
    assert record.train_split["synchronise_s"] > 0


@pytest.mark.parametrize(("backend", "workers"), [(name, workers) for name in CHEAP if name != "ddp" for workers in (1, 2)])
def test_dropout_and_rows_are_those_of_ddp(backend: str, workers: int, measured: Any) -> None:
    ours, ddp = (ok(measured.shared(lstm(name, 1) if workers == 1 else uneven(name))) for name in (backend, "ddp"))
    assert ours.init_sha256 == ddp.init_sha256
    assert losses(ours) == pytest.approx(losses(ddp), abs=1e-5)
    assert [worker["rows_sha256"] for worker in ours.per_worker] == [worker["rows_sha256"] for worker in ddp.per_worker]


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
    assert sum_of_phases(record) == pytest.approx(record.wall_s, rel=0.02, abs=CLOCK_S)
    assert record.phases["save_s"] is None
    assert all(record.phases[f"{phase}_s"] for phase in ("launch", "load", "warmup", "train", "evaluate", "teardown"))


def sum_of_phases(record: Record) -> float:
    return sum(seconds for seconds in record.phases.values() if seconds is not None)


def test_split_sums_to_train_and_serial_communicates_nothing(record: Record) -> None:
    for worker in record.per_worker:
        parts = [seconds for seconds in worker["train_split"].values() if seconds is not None]
        assert sum(parts) == pytest.approx(worker["phases"]["train_s"], rel=1e-6)
    assert (record.train_split["communicate_s"] is None) == (record.spec["backend"] == "serial")


@pytest.mark.parametrize("backend", CHEAP)
def test_waiting_for_a_slow_worker_is_communication_of_the_other(backend: str, measured: Any) -> None:
    record = ok(measured.shared(uneven(backend)))
    slept_s = SLEEP_S * record.resolved["steps_per_epoch"] * record.spec["epochs"]
    fast, slow = (worker["train_split"] for worker in record.per_worker)
    assert slow["compute_s"] > slept_s
    assert fast["communicate_s"] > 0.7 * slept_s
    assert fast["communicate_s"] > 2 * slow["communicate_s"]


def test_resources_of_the_whole_tree_are_measured(record: Record) -> None:
    assert record.resources["cpu_s"] > sum(worker["cpu_user_s"] for worker in record.per_worker) > 0
    assert record.resources["peak_pss_bytes"] > 100e6


def test_nothing_had_to_be_ended_by_force(record: Record) -> None:
    assert "ended_by_force" not in record.resources


@pytest.mark.parametrize("backend", SPREAD)
def test_only_loopback_listens_while_a_run_is_on(backend: str, cell: Callable[[str, int], Record], measured: Any) -> None:
    cell(backend, 2)
    heard = measured.listened(lstm(backend, 2))
    assert heard
    assert {address.removeprefix("::ffff:") for address in heard} <= {"127.0.0.1", "::1"}


def test_the_strategy_and_the_size_of_what_ran_are_recorded(record: Record) -> None:
    resolved = record.resolved
    assert resolved["world_size"] == record.spec["workers"]
    assert resolved["device"] == "cpu"
    assert resolved["rows_per_epoch"] == SAMPLES
    assert (resolved["strategy"] == "none") == (record.spec["backend"] == "serial")


def test_temporary_folder_is_gone(record: Record) -> None:
    assert not list(Path(tempfile.gettempdir()).glob(f"{own_prefix()}{os.getpid()}-*"))


def test_what_was_measured_makes_a_page_and_a_table(cell: Callable[[str, int], Record]) -> None:
    records = [cell("serial", 1), cell("ddp", 2)]
    page = to_html(records)
    assert all(f'"{phase}"' in page for phase in ("launch", "yardstick", "teardown"))
    assert "speed-up" in to_text(records)


@pytest.mark.parametrize("backend", SPREAD)
def test_mistake_in_one_worker_fails_the_run_with_its_own_message(
    backend: str, cell: Callable[[str, int], Record], measured: Any
) -> None:
    record = measured.alone(faulty(backend))
    assert record.status == "failed"
    assert "ValueError: a mistake of this net's own" in str(record.reason).partition(" (its output: ")[0]
    if backend not in UNRANKED:
        assert f"{backend} worker 1 failed: ValueError" in str(record.reason)
    assert (record.wall_s or 0.0) < 4 * (cell(backend, 2).wall_s or 0.0), "the others went on for long"
    assert "ended_by_force" not in record.resources


@pytest.mark.parametrize("backend", CHEAP)
def test_data_error_inside_a_worker_reaches_the_record_as_it_was_raised(backend: str, measured: Any) -> None:
    record = measured.shared(too_many_rows(backend))
    assert record.status == "failed"
    wanted = "embedded digits has 8192 training rows, 10000000 were asked for; use fewer --samples"
    assert str(record.reason).partition(" (its output: ")[0] == wanted


@pytest.mark.parametrize("backend", SPREAD)
def test_two_workers_sum_messages_of_every_size(backend: str, measured: Any) -> None:
    record = ok(measured.shared(collective(backend)))
    sizes = record.resolved["all_reduce"]
    assert [size["elements"] for size in sizes] == [1, 10, 100, 1000, 2000]
    assert all(len(size["seconds"]) == 10 and min(size["seconds"]) > 0 for size in sizes)
    assert record.resolved["left_out_elements"] == []
    assert sum_of_phases(record) == pytest.approx(record.wall_s, rel=0.02, abs=CLOCK_S)
    assert "ended_by_force" not in record.resources


@pytest.mark.parametrize("backend", REUSABLE)
def test_all_runs_of_an_engine_share_one_launch(backend: str, measured: Any) -> None:
    *records, last = measured.of_one_engine(backend)
    assert [record.status for record in records] == ["ok"] * len(records), [record.reason for record in records]
    assert last.status == "failed"
    assert [record.plan["position"] for record in (*records, last)] == list(range(5, 6 + len(records)))
    assert len({record.resolved["engine"] for record in records}) == 1
    assert len({record.resolved["engine_launch_s"] for record in records}) == 1
    assert [record.resolved["engine_stop_s"] for record in records] == [None] * len(records)


@pytest.mark.parametrize("backend", REUSABLE)
def test_runs_of_different_sizes_follow_each_other_in_one_engine(backend: str, measured: Any) -> None:
    records = [ok(measured.shared(spec)) for spec in sizes_in_turn(backend)]
    assert [len(record.per_worker) for record in records] == [1, 2, 1]
    begins = [datetime.fromisoformat(record.started_at) for record in records]
    for begin, record, next_begin in zip(begins, records, begins[1:], strict=False):
        assert 0 <= (next_begin - begin).total_seconds() - (record.wall_s or 0.0) < 5
    for record in records:
        assert all(0 <= cpu_s <= record.resources["cpu_s"] + 1 for _, cpu_s, _ in record.resources["samples"])
        assert record.resources["peak_pss_bytes"] >= max(worker["peak_pss_bytes"] for worker in record.per_worker)
        assert sum_of_phases(record) == pytest.approx(record.wall_s, rel=0.02)
        assert record.resources["cpu_s"] > 0
    assert records[0].history[0]["loss"] == records[2].history[0]["loss"]


@pytest.mark.parametrize("backend", REUSABLE)
def test_cells_of_one_engine_have_specs_of_their_own(backend: str) -> None:
    """The fixture finds the record of a cell by its spec."""
    cells = [repr(spec) for spec in shared_cells(backend)]
    assert len(set(cells)) == len(cells)
