"""Reports of a user's own function or class: what was proved, what does not compare fairly, and a loss that is no number."""

from __future__ import annotations

from typing import Any

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record
from manyhands.record import Record
from manyhands.report.formatting import NOT_MEASURED
from manyhands.report.group_view import group_views

FUNCTION = {"door": "function", "proved": ["order of rows", "initial weights"], "not_proved": ["contents of rows"]}
CLASS = {"door": "class", "proved": ["rows", "initial weights"], "not_proved": []}
CAUTION = "BatchNorm takes its statistics from the rows of each worker alone"


def own(backend: str, workers: int, init_sha256: str = "a" * 64, proof: Any = None, **resolved: Any) -> Record:
    asked = {"workload": "/home/mine.py:build", "backend": backend, "workers": workers, "batch_size": None}
    changed = {"rows_per_epoch": 1000, "batch_size": 32, "proof": proof or FUNCTION} | resolved
    return example_record(4.0 / workers, asked, resolved=changed, init_sha256=init_sha256)


def test_what_was_proved_is_said_and_no_more() -> None:
    (shown,) = group_views([own("serial", 1), own("ddp", 2)])
    assert (
        "your own function: proved equal on all backends: order of rows, initial weights; not proved equal: contents of rows"
        in shown.facts
    )
    (differ,) = group_views([own("serial", 1), own("ddp", 2, init_sha256="b" * 64)])
    assert (
        "your own function: proved equal on all backends: order of rows; not proved equal: contents of rows, initial weights"
        in differ.facts
    )
    (of_class,) = group_views([own("serial", 1, proof=CLASS)])
    assert "your own class: proved equal on all backends: rows, initial weights" in of_class.facts


def test_a_caution_of_many_runs_is_one_line() -> None:
    (shown,) = group_views([own("serial", 1, cautions=[CAUTION]), own("ddp", 2, cautions=[CAUTION])])
    assert [line for line in shown.cautions if "BatchNorm" in line] == [CAUTION]


def test_a_loss_that_is_no_number_is_named_with_its_epoch() -> None:
    (shown,) = group_views([own("serial", 1), own("ddp", 2, not_finite_from_epoch=3)])
    assert [column.texts for column in shown.first_table.columns if column.title == "loss is no number"] == [
        (NOT_MEASURED, "epoch 3")
    ]
    assert (
        "not a number: the loss of ddp, 2 workers x 1 thread from epoch 3 on in 1 of 1 run; such a cell never wins"
        in shown.cautions
    )


def test_settings_name_the_batch_size_that_the_function_has() -> None:
    (shown,) = group_views([own("serial", 1)])
    assert any("batch size 32" in line for line in shown.facts)


def test_cells_trained_for_the_same_seconds_are_compared_by_their_rows() -> None:
    records = [own("serial", 1, rows_trained=1000), own("ddp", 2, rows_trained=1500)]
    slow, fast = (record.phases["train_s"] for record in records)
    (shown,) = group_views(records)
    speedup = shown.summaries[1].speedup
    assert speedup is not None
    assert abs(speedup.value - 1.5 * slow / fast) < 1e-6


def test_loader_workers_are_an_axis_and_old_records_have_none() -> None:
    records = [own("serial", 1), own("serial", 1)]
    for number, record in enumerate(records):
        object.__setattr__(record, "spec", {**record.spec, "loader_workers": 2 * number})
    (group,) = group_records(records)
    assert [cell.variant for cell in group.cells] == ["loader_workers 0", "loader_workers 2"]
