from __future__ import annotations

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.summary import summarise
from manyhands.report.page.grid import grid


def of(records):
    (group,) = group_records(records)
    return grid(group, summarise(group))


def test_every_backend_stands_against_every_worker_count() -> None:
    found = of(example_records())
    assert found.workers == (1, 2)
    rows = {name: [place.text for place in places] for name, places in found.rows}
    assert rows["serial, 1 thread"] == ["1", "not run"]
    assert rows["ddp, 1 thread"][1].endswith(" x")


def test_an_empty_place_has_its_reason_once() -> None:
    stopped = [
        example_record(1.0, {"backend": "serial", "workers": 2}, status="skipped", reason="one by definition"),
        example_record(1.0, {"backend": "serial", "workers": 4}, status="skipped", reason="one by definition"),
        example_record(1.0, {"backend": "ddp", "workers": 4}, status="failed", reason="rank 2 ended"),
    ]
    found = of([*example_records(), *stopped])
    assert found.notes == ("left out: one by definition", "failed: rank 2 ended")
    places = dict(found.rows)["serial, 1 thread"]
    assert [(place.text, place.notes) for place in places[1:]] == [("left out", (1,)), ("left out", (1,))]


def test_a_run_that_failed_beside_others_is_counted() -> None:
    found = of(
        [
            *example_records(),
            example_record(1.0, {"backend": "ddp", "workers": 2, "repeat": 9}, status="failed", reason="it broke"),
        ]
    )
    assert found.notes == ("failed (1 of 4 runs): it broke",)
    assert dict(found.rows)["ddp, 1 thread"][1].kind == "ok"


def test_without_a_base_line_times_are_shown() -> None:
    found = of([example_record(2.5, {"backend": "ddp"})])
    assert found.rows[0][1][0].text == "2.50 s"
