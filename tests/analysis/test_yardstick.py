"""The yardstick in a record: the mean over the workers, ratios between launches, and what is never compared."""

from typing import Any

import pytest

from manyhands.analysis.history.series import Order, from_records
from manyhands.analysis.yardstick import corrections, identity, lower_half, moments, relative, train_ratio
from manyhands.record import Record


def record(name: str, train_s: float, *workers: list[float], **changes: Any) -> Record:
    spec = {"workload": "cnn", "backend": "serial", "workers": len(workers), "threads": 1, "epochs": 1, "repeat": 0}
    values: dict[str, Any] = {
        "id": name,
        "spec": spec | changes.pop("spec", {}),
        "status": "ok",
        "started_at": "2026-11-27T00:00:00+00:00",
        "phases": {"train_s": train_s},
        "resolved": {"rows_per_epoch": 1000, "yardstick": "network 1"},
        "versions": {"torch": "2.13.0", "numpy": "2.4"},
        "per_worker": [{"rank": rank, "yardstick": {"network": seconds}} for rank, seconds in enumerate(workers)],
        "plan": {"id": "p"},
    }
    return Record(**(values | changes))


def test_workers_of_each_moment_are_averaged() -> None:
    assert moments(record("a", 1.0, [1.0, 5.0, 3.0], [2.0, 4.0, 3.5])) == (1.5, 4.5, 3.25)


@pytest.mark.parametrize(
    "changes",
    [
        {"per_worker": [{"rank": 0}]},
        {"per_worker": [{"rank": 0, "yardstick": None}]},
        {"per_worker": [{"rank": 0, "yardstick": {"network": [1.0]}}, {"rank": 1}]},
        {"per_worker": []},
    ],
)
def test_record_without_a_yardstick_in_every_worker_has_none(changes: dict[str, Any]) -> None:
    assert moments(record("a", 1.0, [1.0], **changes)) == ()


def test_other_library_is_another_yardstick() -> None:
    assert identity(record("a", 1.0, [1.0])) == "network 1 torch 2.13.0 numpy 2.4"
    assert identity(record("a", 1.0, [1.0], versions={"torch": "2.14.0"})) != identity(record("a", 1.0, [1.0]))
    assert identity(record("a", 1.0, [1.0], resolved={})) == ""


def test_ratio_takes_the_faster_half_of_both() -> None:
    assert lower_half([3.0, 1.0, 2.0, 50.0]) == 1.5
    assert lower_half([3.0]) == 3.0
    assert relative([2.0, 4.0, 90.0, 90.0], [1.0, 1.0, 8.0]) == 3.0


def test_slow_process_is_corrected_and_the_mean_of_those_alike_stays() -> None:
    found = corrections([record("fast", 1.0, [1.0]), record("slow", 2.0, [2.0])])
    assert found["fast"] * found["slow"] == pytest.approx(1.0)
    assert 1.0 * found["fast"] == pytest.approx(2.0 * found["slow"])


def test_launches_of_two_yardsticks_are_not_mixed() -> None:
    found = corrections([record("one", 1.0, [1.0]), record("other", 1.0, [3.0], versions={"torch": "2.14.0"})])
    assert found == {"one": 1.0, "other": 1.0}


def test_history_of_a_cell_shows_its_change_and_not_the_hour_of_a_launch() -> None:
    order = Order(("old", "new"), ())
    slows = {"old": (1.0, 1.3), "new": (1.2, 1.05)}
    records = [
        record(
            f"{commit} {slow}", (1.0 if commit == "old" else 1.1) * slow, [0.01 * slow], code={"commit": commit, "dirty": False}
        )
        for commit in slows
        for slow in slows[commit]
    ]
    (series,) = from_records(records, order)
    old, new = series.values
    assert new / old == pytest.approx(1.1)
    assert [point.launches for point in series.points] == [2, 2]
    plain = [Record(**{**vars(one), "per_worker": ()}) for one in records]
    (raw,) = from_records(plain, order)
    assert raw.values[1] / raw.values[0] == pytest.approx(1.1 * 1.05 / 1.0), "the faster half of two launches is one"


def test_ratio_of_a_launch_needs_epochs_and_a_yardstick() -> None:
    history = [{"epoch": epoch, "elapsed_s": elapsed_s} for epoch, elapsed_s in enumerate((2.0, 3.0, 6.0), start=1)]
    assert train_ratio(record("a", 6.0, [0.5, 0.5, 9.0, 9.0], history=history)) == pytest.approx(1.5 / 0.5)
    assert train_ratio(record("a", 6.0, [0.5], history=[])) is None
    assert train_ratio(record("a", 6.0, [0.5], history=history, per_worker=[])) is None
