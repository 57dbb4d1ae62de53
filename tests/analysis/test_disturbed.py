"""Disturbed launches are found, left out of every number, and named."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.disturbed import all_disturbed, disturbance, quiet
from manyhands.analysis.example import example_record
from manyhands.analysis.summary import summarise
from manyhands.record import Record
from manyhands.report.notes import cautions


def span(seconds: float, used_s: float, stolen_s: float = 0.0) -> dict[str, float]:
    return {"seconds": seconds, "used_s": used_s, "stolen_s": stolen_s}


def launch(train_s: float, used_s: float, backend: str = "ddp", repeat: int = 0, **beside: Any) -> Record:
    """A launch beside which others used so many CPU seconds during train."""
    other = {"allowed_cores": 0.25, "allowed_stolen_cores": 0.25, "run": span(10.0, used_s), "train": span(train_s, used_s)}
    asked = {"backend": backend, "workers": 1 if backend == "serial" else 2, "repeat": repeat}
    return example_record(train_s, asked, resources={"other_programs": other | beside, "peak_pss_bytes": 1, "cpu_s": 1.0})


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (launch(1.0, 0.2), None),
        (launch(1.0, 0.3), "other programs used 0.30 cores during train, 0.25 are allowed"),
        (launch(0.1, 0.04), None),
        (launch(1.0, 0.0, train=span(1.0, 0.0, 0.5)), "the host of this virtual machine withheld 0.50 cores during train"),
        (launch(1.0, 3.0, train=None), "other programs used 0.30 cores during the run"),
        (example_record(1.0, {}), None),
        (example_record(1.0, {}, resources={"other_programs": None}), None),
    ],
)
def test_a_launch_is_disturbed_when_others_took_more_than_they_may(record: Record, reason: str | None) -> None:
    found = disturbance(record)
    assert found is None if reason is None else str(found).startswith(reason)


def test_the_whole_run_is_judged_by_itself() -> None:
    late = launch(1.0, 0.0, run=span(10.0, 9.0))
    assert disturbance(late) is None
    assert "during the run" in str(disturbance(late, "wall"))


def test_a_disturbed_launch_is_in_no_number_and_stays_in_the_records() -> None:
    records = [
        launch(1.0, 0.0, "serial", 0),
        launch(1.1, 0.0, "serial", 1),
        launch(0.6, 0.0, repeat=0),
        launch(10.6, 9.0, repeat=1),
    ]
    (group,) = group_records(records)
    ddp = group.cells[1]
    assert len(ddp.records) == 2
    assert [record.spec["repeat"] for record in ddp.measured] == [0]
    rows = {row.cell.backend: row for row in summarise(group)}
    assert rows["ddp"].train is not None
    assert rows["ddp"].train.mean == 0.6
    assert rows["ddp"].speedup is not None
    assert rows["ddp"].speedup.value > 1.5
    assert [line for line in cautions(group, list(rows.values())) if "disturbed" in line] == [
        "disturbed, left out: ddp, 2 workers x 1 thread (1 of 2 launches): other programs used 0.85 cores during train, 0.25 are allowed"
    ]
    assert quiet(records) == records[:3]
    assert group_records(records, "wall")[0].cells[1].disturbed


def test_a_cell_without_a_quiet_launch_has_no_number() -> None:
    records = [launch(1.0, 0.0, "serial"), launch(10.6, 9.0)]
    (group,) = group_records(records)
    assert [row.cell.backend for row in summarise(group)] == ["serial"]
    assert any("(1 of 1 launch)" in line for line in cautions(group, summarise(group)))


def test_when_all_launches_are_disturbed_all_are_used_and_one_line_says_so() -> None:
    records = [launch(1.0, 0.9, "serial"), launch(10.6, 9.0)]
    (group,) = group_records(records)
    rows = summarise(group)
    assert all_disturbed(records)
    assert [row.cell.backend for row in rows] == ["serial", "ddp"]
    (line,) = [line for line in cautions(group, rows) if "disturbed" in line]
    assert line.startswith("disturbed: other programs ran beside every launch, so all 2 are used and speed-ups may be wrong")
