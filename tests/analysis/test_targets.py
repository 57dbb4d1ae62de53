import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record
from manyhands.analysis.targets import QualityTarget, is_error, time_to_target, times_to_target


def cell(*histories, metric="accuracy"):
    records = [
        example_record(
            9.0,
            {"repeat": repeat},
            history=tuple(
                {"epoch": epoch, "elapsed_s": 2.0 * epoch, metric: value} for epoch, value in enumerate(values, start=1)
            ),
        )
        for repeat, values in enumerate(histories)
    ]
    return group_records(records)[0].cells[0]


def test_time_is_that_of_the_first_epoch_that_is_good_enough() -> None:
    found = time_to_target(cell([0.5, 0.9, 0.8], [0.9, 0.95, 0.99]), QualityTarget("accuracy", 0.9))
    assert found.seconds is not None
    assert (found.seconds.mean, found.reached, found.scored) == (3.0, 2, 2)


def test_runs_that_do_not_get_there_count_in_the_share_alone() -> None:
    found = time_to_target(cell([0.5, 0.9], [0.5, 0.6]), QualityTarget("accuracy", 0.9))
    assert found.seconds is not None
    assert (found.seconds.mean, found.reached, found.scored) == (4.0, 1, 2)
    assert time_to_target(cell([0.5]), QualityTarget("accuracy", 0.9)).seconds is None


def test_an_error_has_to_fall_to_its_target() -> None:
    assert is_error("mape_percent")
    assert not is_error("silhouette")
    assert time_to_target(cell([9.0, 2.9], metric="mape_percent"), QualityTarget("mape_percent", 3.0)).reached == 1


def test_runs_that_were_not_scored_are_not_counted() -> None:
    assert time_to_target(cell([None, None]), QualityTarget("accuracy", 0.9)).scored == 0


def test_the_gain_over_the_base_line_has_an_interval_from_all_launches() -> None:
    records = [
        example_record(
            9.0,
            {"repeat": repeat, "backend": backend, "workers": workers},
            history=({"epoch": 1, "elapsed_s": elapsed * (1 + repeat / 50), "accuracy": 0.95},),
        )
        for repeat in range(2)
        for backend, workers, elapsed in (("serial", 1, 8.0), ("ddp", 2, 4.0), ("ray", 2, 5.0))
    ]
    cells = group_records(records)[0].cells
    base, ddp, _ = times_to_target(cells, cells[0], QualityTarget("accuracy", 0.9))
    assert base.speedup is None
    assert ddp.speedup.value == pytest.approx(2.0)
    assert ddp.speedup.low <= 2.0 <= ddp.speedup.high
    assert all(one.speedup is None for one in times_to_target(cells, None, QualityTarget("accuracy", 0.9)))
