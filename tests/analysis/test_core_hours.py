import pytest

from manyhands.analysis.core_hours import core_hours, core_hours_ratio, cpu_seconds, serial_fraction
from manyhands.analysis.example import example_record
from manyhands.analysis.ratios import Ratio


def test_core_hours_count_every_core_held_busy_or_not() -> None:
    record = example_record(1.0, {"workers": 2, "threads": 3}, wall_s=1800.0, resources={"cpu_s": 60.0})
    assert core_hours(record) == pytest.approx(3.0)
    assert cpu_seconds(record) == 60.0
    assert core_hours(example_record(1.0, {}, wall_s=None)) is None
    assert core_hours(example_record(1.0, {}, resolved={"engine": "served other runs too"})) is None
    assert cpu_seconds(example_record(1.0, {}, resources={})) is None


def test_karp_flatt_finds_the_fraction_that_amdahl_put_in() -> None:
    speed = 8 / (1 + 0.1 * 7)
    found = serial_fraction(Ratio(speed, speed / 1.1, speed * 1.1, 3, "cell + block"), 8)
    assert found is not None
    assert found.value == pytest.approx(0.1)
    assert found.low < 0.1 < found.high


def test_karp_flatt_needs_more_cores_than_the_base_line_and_two_launches_for_an_interval() -> None:
    assert serial_fraction(Ratio(1.0, 0.9, 1.1, 3, "cell + block"), 1) is None
    found = serial_fraction(Ratio(1.5, None, None, 1, "one launch"), 2)
    assert found is not None
    assert (found.low, found.high) == (None, None)


def test_a_serial_fraction_that_may_be_anything_is_none() -> None:
    assert serial_fraction(Ratio(1.4, 0.9, 2.2, 2, "cell + block"), 2) is None
    assert serial_fraction(Ratio(1.4, 1.1, 2.2, 2, "cell + block"), 2) is not None


def test_core_hours_over_the_base_line_count_cores_and_rows() -> None:
    found = core_hours_ratio(Ratio(1.6, 1.25, 2.0, 3, "cell + block"), 2.0)
    assert (found.value, found.low, found.high) == (pytest.approx(1.25), pytest.approx(1.0), pytest.approx(1.6))
    assert core_hours_ratio(Ratio(2.0, None, None, 1, "one launch"), 2.0, rows=2.0).value == pytest.approx(2.0)
