from __future__ import annotations

import pytest

from manyhands.analysis.example import example_record
from manyhands.analysis.verdicts.metrics import as_error, sample


def test_a_record_becomes_numbers_of_which_less_is_better() -> None:
    history = ({"epoch": 1, "elapsed_s": 0.5}, {"epoch": 2, "elapsed_s": 0.9})
    workers = ({"cpu_user_s": 1.0, "cpu_system_s": 0.1}, {"cpu_user_s": 0.9, "cpu_system_s": 0.2})
    found = sample(example_record(0.9, {}, history=history, per_worker=workers), "accuracy", 0.2, 0.01)
    assert found.series == pytest.approx((0.5, 0.4))
    assert found.values["cpu"] == pytest.approx(2.2)
    assert found.values["quality"] == pytest.approx(1 / 0.97)
    assert "time" not in found.values
    assert (found.others, found.stolen) == (0.2, 0.01)


def test_without_epochs_the_train_phase_is_the_time_and_without_workers_the_tree_is_the_cpu_time() -> None:
    record = example_record(3.0, {}, history=())
    found = sample(record, "no such metric", 0, 0)
    assert found.values["time"] == 3.0
    assert found.values["cpu"] == record.resources["cpu_s"]
    assert "quality" not in found.values


def test_errors_stay_and_scores_turn_round() -> None:
    assert as_error("mape_percent", 2.5) == 2.5
    assert as_error("accuracy", 0.5) == 2.0
