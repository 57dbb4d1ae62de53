"""Phases are contiguous, the slowest worker's count, and two hosts' clocks are never subtracted."""

import time
from typing import Any

import pytest

from manyhands.measure.phases import PhaseClock, combine, slowest_split
from manyhands.measure.worker_report import WorkerReport


def report(rank: int, clock: str = "here", **changes: Any) -> WorkerReport:
    values: dict[str, Any] = {
        "host": "h",
        "rank": rank,
        "clock": clock,
        "started": 12.0,
        "ended": 17.0,
        "phases": {"load_s": 1.0, "train_s": 3.0, "evaluate_s": 1.0},
    }
    return WorkerReport(**values | changes)


def test_laps_leave_no_gap_and_add_up() -> None:
    clock = PhaseClock()
    for phase in ("load", "train", "evaluate", "train"):
        time.sleep(0.002)
        clock.lap(phase)
    assert set(clock.seconds) == {"load", "train", "evaluate"}
    assert sum(clock.seconds.values()) == pytest.approx(clock.ended - clock.started, abs=1e-9)
    assert clock.seconds["load"] >= 0.002
    assert clock.seconds["train"] >= 2 * 0.002


def test_device_is_synchronised_before_the_clock_is_read() -> None:
    calls: list[str] = []
    PhaseClock(lambda: calls.append("waited")).lap("train")
    assert calls == ["waited"]


def test_launch_and_teardown_fill_what_the_workers_leave() -> None:
    phases = combine([report(0), report(1)], "here", started=10.0, received=17.5, ended=18.0)
    assert phases["launch_s"] == 2.0
    assert phases["teardown_s"] == 1.0
    assert phases["save_s"] is None
    assert sum(seconds for seconds in phases.values() if seconds is not None) == 8.0


def test_slowest_worker_decides_each_phase() -> None:
    slow = report(1, phases={"load_s": 0.5, "train_s": 4.0, "evaluate_s": 1.0})
    phases = combine([report(0), slow], "here", 10.0, 17.5, 18.0)
    assert phases["load_s"] == 1.0
    assert phases["train_s"] == 4.0


def test_clocks_of_other_hosts_are_not_used() -> None:
    elsewhere = report(1, clock="there", started=5000.0, ended=6000.0)
    phases = combine([report(0), elsewhere], "here", started=10.0, received=17.5, ended=18.0)
    assert phases["teardown_s"] == 1.0
    assert phases["launch_s"] == 8.0 - 5.0 - 1.0


def test_split_is_that_of_the_worker_the_others_waited_for() -> None:
    idle = report(0, train_split={"compute_s": 1.0, "communicate_s": 2.0, "input_s": 0.1})
    busy = report(1, train_split={"compute_s": 2.5, "communicate_s": 0.5, "input_s": 0.1})
    assert slowest_split([idle, busy]) == {"compute_s": 2.5, "communicate_s": 0.5, "input_s": 0.1, "synchronise_s": None}


def test_split_that_was_not_measured_stays_none() -> None:
    assert slowest_split([report(0, train_split={"compute_s": 1.0, "communicate_s": None})])["communicate_s"] is None
