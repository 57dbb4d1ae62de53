"""The laws beside a measured speed-up, from phases that are known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from manyhands.analysis.amdahl_gustafson import promise
from manyhands.analysis.example import example_record


def test_amdahl_and_gustafson_follow_from_the_phases() -> None:
    base = example_record(9.0, {}, phases={"load_s": 0.8, "train_s": 9.0}, resolved={"predict_s": 0.2})
    four = example_record(2.5, {}, phases={"load_s": 1.2, "train_s": 2.5}, resolved={"predict_s": 0.3})
    found = promise([base], [four], 4)
    assert found is not None
    assert found.serial_share == pytest.approx(0.1)
    assert found.amdahl == pytest.approx(1 / (0.1 + 0.9 / 4))
    assert found.scaled_share == pytest.approx(1.5 / 4)
    assert found.gustafson == pytest.approx(4 - 3 * 1.5 / 4)
    assert found.measured == pytest.approx(10 / 4)
    assert promise([base], [replace(four, phases={})], 4) is None


def test_members_of_an_ensemble_predict_where_the_workers_are() -> None:
    made = {"predict_s": 1.0, "members": 4}
    base = example_record(9.0, {}, phases={"load_s": 1.0, "train_s": 8.0}, resolved=made)
    two = example_record(4.5, {}, phases={"load_s": 1.0, "train_s": 4.0}, resolved=made | {"predict_s": 0.5})
    found = promise([base], [two], 2)
    assert found is not None
    assert found.serial_share == pytest.approx(0.1)
    assert found.measured == pytest.approx(found.amdahl)
