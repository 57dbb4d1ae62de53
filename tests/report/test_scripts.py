"""Reports of scripts claim no more than what was measured."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record
from manyhands.record import Record
from manyhands.report.group_view import GroupView, group_views

PROOF = {"door": "script", "proved": [], "not_proved": ["rows", "initial weights"]}


def script(backend: str, workers: int, train_s: float, repeat: int = 0, sha256: str = "a", **resolved: Any) -> Record:
    """A record of a script."""
    asked = {"workload": "/home/me/train.py", "backend": backend, "workers": workers, "repeat": repeat}
    own = {"proof": PROOF, "process_group": workers > 1, "marks": True} | resolved
    made = example_record(train_s, asked, resolved=own, data={}, init_sha256=None, code={"sha256": sha256 * 20})
    return replace(made, spec={**made.spec, "samples": None})


def view(*records: Record) -> GroupView:
    (one,) = group_views(records)
    return one


def test_records_of_different_user_code_are_never_one_row() -> None:
    groups = group_records([script("serial", 1, 4.0), script("serial", 1, 4.0, sha256="b")])
    assert [len(group.records) for group in groups] == [1, 1]
    assert [group.conditions["code sha256"] for group in groups] == ["a" * 12, "b" * 12]


def test_scripts_without_marks_are_compared_by_the_whole_run() -> None:
    """Their train phase holds imports on one engine and none on another: 10 x here, of which the whole run has nothing."""
    records = [script("serial", 1, 10.0, marks=False), script("ddp", 2, 1.0, marks=False)]
    shown = view(*records)
    assert shown.time == "wall"
    assert shown.speedups["train"] == [None, None]
    speedup = shown.summaries[1].speedup
    assert speedup is not None
    assert speedup.value == pytest.approx(float(records[0].wall_s or 0) / float(records[1].wall_s or 0))
    assert any(line.startswith("whole runs are compared") for line in shown.cautions)


def test_speed_up_of_marked_scripts_counts_only_the_steps_that_were_timed() -> None:
    """20 steps against 10, 3 of each untimed: seconds of 17 against 7 would make two workers of equal use look 2.4 x as fast."""
    shown = view(script("serial", 1, 17.0, steps=20, warmup_steps=3), script("ddp", 2, 7.0, steps=10, warmup_steps=3))
    speedup = shown.summaries[1].speedup
    assert speedup is not None
    assert speedup.value == pytest.approx(2.0)
    assert shown.time == "train"


def test_workers_without_a_process_group_are_named() -> None:
    shown = view(script("serial", 1, 4.0), script("ddp", 2, 4.0, process_group=False))
    assert [line for line in shown.cautions if line.startswith("no process group")] == [
        "no process group: the 2 workers of ddp, 2 workers x 1 thread did not work together, so each did all of the work: 2 times in all"
    ]


def test_what_was_not_proved_is_named_and_settings_that_no_script_sees_are_not() -> None:
    facts = view(script("serial", 1, 4.0)).facts
    assert "your own script: not proved equal: rows, initial weights" in facts
    assert not any("batch size" in line for line in facts)
