"""Sides with a real launcher, on this checkout."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

import manyhands
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.commits.launches import Busy, Side, disturbance, sides
from manyhands.commits.revisions import CannotMeasure, Revision
from manyhands.plan import RunSpec

ROOT = Path(manyhands.__file__).parents[2]
HERE = Revision("HEAD", "0" * 40, False, ROOT, Path(sys.executable))


def test_a_side_knows_what_it_offers_and_says_why_not() -> None:
    with Side(HERE) as side:
        assert side.check(RunSpec(workload="kmeans", backend="serial", samples=100))["kind"] == "clustering"
        with pytest.raises(CannotMeasure, match=r"kmeans on ddp x 1 cannot be run by HEAD .*: ddp offers no clustering"):
            side.check(RunSpec(workload="kmeans", backend="ddp"))
        with pytest.raises(CannotMeasure, match="unknown workload 'none'"):
            side.check(RunSpec(workload="none", backend="serial"))


def test_a_launch_is_measured_with_what_ran_beside_it() -> None:
    with Side(HERE) as side:
        found = side.launch(RunSpec(workload="kmeans", backend="serial", samples=500), "silhouette")
    assert found.values.keys() == {"time", "cpu", "memory", "quality"}
    assert found.series == ()
    assert found.others < psutil.cpu_count()
    assert found.wall_s > found.values["time"]


def test_a_failed_launch_is_no_number() -> None:
    with Side(HERE) as side, pytest.raises(CannotMeasure, match=r"failed in HEAD .*: not finished after the 0\.05 s"):
        side.launch(RunSpec(workload="kmeans", backend="serial", samples=500, timeout_s=0.05), "silhouette")


def test_a_launcher_that_is_killed_is_told() -> None:
    with Side(HERE) as side:
        side._process.kill()
        side._process.wait()
        with pytest.raises(CannotMeasure, match="its launcher ended with -9"):
            side.check(RunSpec(workload="kmeans", backend="serial"))


def test_sides_end_with_their_stack_also_after_an_error() -> None:
    stack = ExitStack()
    running = sides(stack, (HERE, HERE))
    stack.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert [side._process.poll() is not None for side in running] == [True, True]


def test_the_load_of_others_is_seen() -> None:
    before = Busy.now()
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(1.0)
        used, _ = Busy.now().others_since(before, 0.0)
    finally:
        other.kill()
        other.wait()
    assert used > 0.5


def test_others_are_what_is_left_of_the_busy_time_and_stolen_time_is_apart() -> None:
    before = Busy(at=10.0, used=100.0, stolen=5.0, own=20.0)
    after = Busy(at=14.0, used=112.0, stolen=7.0, own=21.0)
    assert after.others_since(before, launched=3.0) == (2.0, 0.5)  # (12 - 3 launched - 1 own) / 4 s, and 2 s stolen in 4 s
    assert after.others_since(before, launched=15.0) == (0.0, 0.5)


def test_a_few_disturbed_launches_are_let_pass_and_many_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.commits.launches.usable_cores", lambda: 4)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(4)))
    monkeypatch.delenv("MANYHANDS_MAX_LOAD", raising=False)
    quiet, loud = Sample({}, others=0.1), Sample({}, others=2.5)
    assert disturbance([quiet] * 9 + [loud], 1) is None
    told = disturbance([quiet] * 5 + [loud] * 5, 1)
    assert told is not None
    assert told.startswith("other programs used 2.5 of 4 cores during 5 of 10 launches; at most 1 are allowed")
    assert disturbance([Sample({}, others=0.5)] * 9, 4) is not None, "a cell that needs all cores leaves little to others"


@pytest.mark.parametrize(("share", "name"), [(0.5, "slow_step"), (0.0, "step")])
def test_a_slow_down_is_planted_in_the_training_step_of_one_side_only(share: float, name: str) -> None:
    code = "import manyhands.backends.ranks.epoch as epoch; print(epoch.Loop.step.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], env=replace(HERE, planted=share).environment(), capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == name


def test_older_commit_is_not_asked_for_what_it_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    from manyhands.commits.launcher import spec_of

    @dataclass(frozen=True)
    class OlderSpec:
        workload: str
        backend: str

    given = {"workload": "cnn", "backend": "serial"}
    assert spec_of(given | {"memory_layout": "system", "yardstick": []}).memory_layout == "system"
    monkeypatch.setattr("manyhands.plan.RunSpec", OlderSpec)
    assert spec_of(given | {"memory_layout": "system", "yardstick": []}) == OlderSpec("cnn", "serial")
    assert spec_of(given | {"sync": "every-step", "target": None}) == OlderSpec("cnn", "serial")
    for name, value in (("clusters", 2), ("sync", "local=8"), ("target", "accuracy=0.9")):
        with pytest.raises(TypeError, match=name):
            spec_of(given | {name: value})
