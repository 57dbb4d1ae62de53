import math

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import SPEEDS, example_record, example_records
from manyhands.analysis.summary import summarise


def test_finds_the_true_speedups_of_made_up_records() -> None:
    (group,) = group_records(example_records(repeats=5, noise=0.01))
    rows = summarise(group)
    assert [row.is_base for row in rows] == [True, False, False, False]
    for row in rows[1:]:
        truth = SPEEDS[row.cell.backend, row.cell.workers, row.cell.threads]
        assert row.speedup is not None
        assert row.speedup.value == pytest.approx(truth, rel=0.03)


def test_what_was_not_measured_is_none_and_never_0() -> None:
    records = [
        example_record(1.0, {"repeat": 0}),
        example_record(1.0, {"repeat": 1}, quality={"accuracy": math.nan, "silhouette": None}),
    ]
    (row,) = summarise(group_records(records)[0])
    assert row.phases["save"] is None
    assert row.train_split["communicate"] is None
    assert row.quality["accuracy"].count == 1
    assert "silhouette" not in row.quality


def test_failed_runs_are_not_averaged() -> None:
    records = [example_record(1.0, {}), example_record(99.0, {"repeat": 1}, status="failed", reason="broke")]
    (row,) = summarise(group_records(records)[0])
    assert row.wall is not None
    assert row.wall.count == 1
