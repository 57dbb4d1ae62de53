from dataclasses import replace

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.launch_model import fit_group
from manyhands.analysis.scaling import base_line, efficiency
from manyhands.analysis.spread import Estimate


def speedup(records, time="train"):
    """The speed-up of the only cell beside the base line."""
    fit = fit_group(only_group(records), time)
    return fit and next(fit.speedup(cell) for cell in fit.cells if cell is not fit.base)


def only_group(records):
    (group,) = group_records(records)
    return group


def test_base_line_is_serial_with_the_fewest_threads() -> None:
    base = base_line(only_group(example_records()))
    assert base is not None
    assert (base.backend, base.workers, base.threads) == ("serial", 1, 1)
    assert base_line(only_group([example_record(1.0, {"backend": "ddp"})])) is None


def test_speedup_and_efficiency_of_hand_computed_values() -> None:
    records = [example_record(6.0, {}), example_record(4.0, {"backend": "ddp", "workers": 2})]
    serial, ddp = only_group(records).cells
    found = speedup(records)
    assert found is not None
    assert found.value == pytest.approx(1.5)
    assert efficiency(found, serial, ddp) == Estimate(pytest.approx(0.75), None, None)
    per_core = efficiency(replace(found, low=1.2, high=1.8), serial, ddp)
    assert (per_core.low, per_core.high) == (pytest.approx(0.6), pytest.approx(0.9))
    # launch, load, warm-up, evaluate and teardown add 1.71 s to serial and 3.9 s to ddp
    whole = speedup(records, "wall")
    assert whole is not None
    assert whole.value == pytest.approx(7.71 / 7.9)


def test_growing_work_counts_the_rows_of_all_workers() -> None:
    asked = {"scaling": "growing", "samples": 100}
    found = speedup([example_record(5.0, asked), example_record(5.0, asked | {"backend": "ddp", "workers": 2})])
    assert found is not None
    assert found.value == pytest.approx(2.0)


def test_work_is_taken_as_equal_when_a_record_does_not_say_its_rows() -> None:
    records = [
        example_record(8.0, {"samples": 100}, resolved={}),
        example_record(2.0, {"samples": 100, "backend": "dask"}, resolved={"rows_per_epoch": None}),
    ]
    found = speedup(records)
    assert found is not None
    assert found.value == pytest.approx(4.0)


def test_a_missing_time_gives_no_speedup() -> None:
    records = [example_record(8.0, {}), example_record(2.0, {"backend": "ddp"}, phases={"train_s": None})]
    assert speedup(records) is None
