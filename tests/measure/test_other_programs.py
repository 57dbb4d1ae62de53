"""CPU time that others used beside a run, and the limit for it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import psutil
import pytest

from manyhands.errors import UsageError
from manyhands.measure.other_programs import Allowed, Moment, allowed_beside, allowed_cores, other_programs
from manyhands.measure.resources import TreeUsage, end_descendants, wait_sampling
from manyhands.plan import RunSpec

SPEC = RunSpec(workload="cnn", backend="ddp", workers=2)
PHASES = {
    "launch_s": 2.0,
    "load_s": 0.5,
    "warmup_s": 0.5,
    "train_s": 1.5,
    "yardstick_s": 0.5,
    "evaluate_s": 1.0,
    "teardown_s": 0.0,
}
LIMITS = Allowed(0.25, 0.25)
BUSY = "import time\nwhile time.process_time() < {}: pass"


def moments(others: tuple[float, ...] = (0, 0, 0, 1, 1, 0), stolen: float = 0.0, own: float = 1.0) -> list[Moment]:
    """One moment a second: `own` cores for the run, and so many cores for others in each second; both counts began long ago."""
    found = [Moment(0.0, 1000.0, 7.0, 0.0)]
    for number, used in enumerate(others, start=1):
        last = found[-1]
        found.append(Moment(float(number), last.used_s + used + own, last.stolen_s + stolen, last.own_s + own))
    return found


@pytest.mark.parametrize(
    ("needed", "cores", "seen", "max_load", "allowed"),
    [
        (1, 2, 2, None, 0.5),
        (2, 2, 2, None, 0.25),
        (1, 16, 16, None, 4.0),
        (14, 16, 16, None, 2.0),
        (32, 16, 16, None, 0.25),
        (2, 2, 16, None, 14.0),
        (2, 2, 2, 0.5, 1.0),
    ],
)
def test_others_may_use_what_a_run_leaves_free_and_at_most_a_quarter_of_the_cores(
    needed: int, cores: int, seen: int, max_load: float | None, allowed: float
) -> None:
    assert allowed_cores(needed, cores, seen, max_load) == allowed


def test_the_limit_comes_from_the_option_then_from_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(2)))
    monkeypatch.setattr("manyhands.measure.other_programs.usable_cores", lambda: 2)
    monkeypatch.setenv("MANYHANDS_MAX_LOAD", "0.75")
    assert allowed_beside(SPEC, None) == Allowed(1.5, 1.5)
    assert allowed_beside(SPEC, 0.5) == Allowed(1.0, 1.0)
    monkeypatch.delenv("MANYHANDS_MAX_LOAD")
    assert allowed_beside(SPEC, None) == LIMITS
    assert allowed_beside(RunSpec(workload="cnn", backend="serial"), None) == Allowed(1.25, 0.25), (
        "one program has a core for itself"
    )
    for wrong in ("much", "0", "-1", "nan"):
        monkeypatch.setenv("MANYHANDS_MAX_LOAD", wrong)
        with pytest.raises(UsageError, match=f"MANYHANDS_MAX_LOAD={wrong} is not a share of the cores above 0"):
            allowed_beside(SPEC, None)


def test_train_is_judged_apart_from_the_run() -> None:
    found = other_programs(moments(), PHASES, 6.0, SPEC, LIMITS)
    assert found == {
        "allowed_cores": 0.25,
        "allowed_stolen_cores": 0.25,
        "run": {"seconds": 6.0, "used_s": 2.0, "stolen_s": 0.0},
        "train": {"seconds": 2.0, "used_s": 2.0, "stolen_s": 0.0},
    }
    before = other_programs(moments((1, 1, 1, 0, 0, 0), stolen=0.5), PHASES, 6.0, SPEC, LIMITS)
    assert before is not None
    assert before["train"] == {"seconds": 2.0, "used_s": 0.0, "stolen_s": 1.0}
    assert before["run"]["used_s"] == 3.0


def test_a_short_train_is_judged_with_the_moments_around_it() -> None:
    found = other_programs(moments(), PHASES | {"train_s": 0.1, "yardstick_s": None}, 6.0, SPEC, LIMITS)
    assert found is not None
    assert found["train"]["seconds"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"address": "ray://alpha:10001"}, moments()),
        ({}, []),
        ({}, [Moment(0.0, 0.0, 0.0, 0.0), Moment(6.0, 0.0, 0.0, 6.0)]),
    ],
    ids=["processes of a running engine are no others", "no times", "a container that hides them"],
)
def test_what_cannot_be_known_is_null(changes: dict[str, Any], seen: list[Moment]) -> None:
    spec = RunSpec(**{"workload": "cnn", "backend": "ray", "workers": 2} | changes)
    assert other_programs(seen, PHASES, 6.0, spec, LIMITS) is None


def test_several_nodes_are_judged_by_the_whole_run() -> None:
    spec = RunSpec(workload="cnn", backend="ddp", workers=2, nodes=2, address="alpha:29500")
    found = other_programs(moments(), PHASES, 6.0, spec, LIMITS)
    assert found is not None
    assert found["train"] is None
    assert other_programs(moments(), PHASES, 6.0, spec, LIMITS, workers_here=1) == found
    assert other_programs(moments(), PHASES, 6.0, spec, LIMITS, workers_here=2) is None, "the other node is on this machine too"


def test_own_processes_are_no_others_and_others_are_seen() -> None:
    """The tree is a process with a busy child that it starts later; the other is busy too, and no part of the tree."""
    other = psutil.Popen([sys.executable, "-c", BUSY.format(60)])
    own = f"import subprocess, sys, time; time.sleep(0.4); subprocess.run([sys.executable, '-c', {BUSY.format(1.0)!r}])"
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    try:
        usage, before = TreeUsage(frozenset(keep)), sum(other.cpu_times()[:2])
        process = subprocess.Popen([sys.executable, "-c", own], start_new_session=True)
        assert wait_sampling(process, lambda: 60, usage, lambda: None)
        process.wait()
        used_s, wall_s = sum(other.cpu_times()[:2]) - before, usage.moments[-1].at_s + 0.2
        usage.ended(wall_s)
    finally:
        other.kill()
        other.wait()
        end_descendants(keep - {other.pid})
    found = other_programs(usage.moments, {}, wall_s, SPEC, LIMITS)
    assert found is not None
    assert usage.moments[-1].own_s > 1.0
    assert found["run"]["used_s"] > 0.8 * used_s - 0.1
    machine_s = usage.moments[-1].used_s - usage.moments[0].used_s
    assert found["run"]["used_s"] < machine_s - 1.0 + 0.05


@pytest.mark.slow
def test_a_run_beside_busy_programs_is_disturbed_and_says_so_in_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice as many endless loops as cores: more than any run leaves free, however busy the machine is besides."""
    from manyhands.analysis.disturbed import disturbance
    from manyhands.run import RunContext, measure

    monkeypatch.delenv("MANYHANDS_MAX_LOAD")
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (psutil.cpu_count() or 1))]
    try:
        record = measure(RunSpec(workload="prepare", backend="serial", samples=256), RunContext())
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()
    assert record.ok, record.reason
    beside = record.resources["other_programs"]
    assert beside["allowed_cores"] < beside["run"]["used_s"] / beside["run"]["seconds"] <= (psutil.cpu_count() or 1) + 0.2
    assert str(disturbance(record)).startswith("other programs used ")
