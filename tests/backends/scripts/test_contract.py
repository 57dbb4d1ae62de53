"""A user's script on every backend that offers scripts: the same training, measured in the same way."""

from __future__ import annotations

from typing import Any

import pytest
from contract import CLOCK_S, script

from manyhands.backends.base import kinds
from manyhands.plugins import backend_classes
from manyhands.record import Record

pytestmark = pytest.mark.slow

SPREAD = [
    name for name, backend in backend_classes().items() if "script" in kinds(backend) and name not in ("serial", "spark-local")
]
"""Backends that run a script on two workers; `spark-local` starts torchrun as `ddp` does."""


def ok(record: Record) -> Record:
    assert record.ok, record.reason
    return record


@pytest.mark.parametrize("backend", SPREAD)
def test_two_workers_learn_what_serial_learns_and_phases_add_up(backend: str, measured: Any) -> None:
    serial, two = ok(measured.shared(script("serial", 1))), ok(measured.shared(script(backend, 2)))
    assert two.quality["mse"] == pytest.approx(serial.quality["mse"], abs=1e-6)
    assert [entry["epoch"] for entry in two.history] == [1, 2]
    assert sum(seconds for seconds in two.phases.values() if seconds is not None) == pytest.approx(
        two.wall_s, rel=0.02, abs=CLOCK_S
    )
    assert all(two.phases[f"{phase}_s"] for phase in ("launch", "load", "warmup", "train", "evaluate", "teardown"))
    split = two.train_split
    assert split["communicate_s"] > 0
    assert sum(seconds or 0.0 for seconds in split.values()) == pytest.approx(
        max(worker["phases"]["train_s"] for worker in two.per_worker), rel=0.5
    )
    assert (serial.train_split["communicate_s"], serial.resolved["launch_until"]) == (None, "first line")
    assert [worker["exit_code"] for worker in two.per_worker] == [0, 0]
    assert [worker["threads"]["torch"] for worker in two.per_worker] == [1, 1]
    assert "ended_by_force" not in two.resources


@pytest.mark.parametrize("backend", SPREAD)
def test_a_record_says_what_was_proved_and_which_code_ran(backend: str, measured: Any) -> None:
    two = ok(measured.shared(script(backend, 2)))
    resolved = two.resolved
    assert resolved["proof"]["door"] == "script"
    assert resolved["proof"]["proved"] == []
    assert (resolved["steps"], resolved["warmup_steps"], resolved["arguments"]) == (16, 3, ["--lr", "0.1"])
    assert (resolved["process_group"], resolved["launch_until"]) == (True, "process group")
    assert resolved["strategy"] == "DistributedDataParallel"
    assert list(two.code["files"]) == ["line.py", "train.py"]
    assert two.code["sha256"] == ok(measured.shared(script("serial", 1))).code["sha256"]


@pytest.mark.parametrize("backend", [name for name in SPREAD if not backend_classes()[name].reusable])
def test_only_loopback_listens_while_a_script_runs(backend: str, measured: Any) -> None:
    heard = measured.listened(script(backend, 2))
    assert {address.removeprefix("::ffff:") for address in heard} <= {"127.0.0.1", "::1"}
