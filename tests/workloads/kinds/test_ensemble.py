"""Kind ensemble: who learns from which rows, and how the members vote."""

from __future__ import annotations

import numpy as np
import pytest

from manyhands.errors import DataError, UsageError
from manyhands.workloads.base import Arrays
from manyhands.workloads.ensemble import Ensemble

Y = np.arange(40) % 4
ARRAYS = Arrays(np.zeros((40, 2)), Y, np.zeros((4, 2)), np.arange(4), "made")


def test_parts_are_disjoint_and_complete() -> None:
    parts = Ensemble(members=3).member_rows(Arrays(ARRAYS.x_train, Y % 2, ARRAYS.x_test, ARRAYS.y_test % 2, "made"), seed=0)
    assert sorted(len(part) for part in parts) == [13, 13, 14]
    assert sorted(np.concatenate(parts)) == list(range(40))


@pytest.mark.parametrize(
    ("settings", "fits"), [({"cover": "full"}, 4), ({"single": True}, 1), ({"single": True, "cover": "full"}, 1)]
)
def test_covering_all_rows(settings: dict[str, object], fits: int) -> None:
    workload = Ensemble.from_settings(settings)
    assert workload.fits == fits
    assert [len(part) for part in workload.member_rows(ARRAYS, seed=0)] == [40] * fits


@pytest.mark.parametrize("settings", [{}, {"cover": "full"}, {"single": True}])
def test_every_way_visits_the_rows_equally_often(settings: dict[str, object]) -> None:
    workload = Ensemble.from_settings(settings | {"members": 2})
    arrays = Arrays(ARRAYS.x_train, Y % 2, ARRAYS.x_test, ARRAYS.y_test % 2, "made")
    assert sum(len(part) * workload.passes(12) for part in workload.member_rows(arrays, seed=0)) == 12 * 40


def test_passes_that_do_not_divide_are_refused() -> None:
    with pytest.raises(UsageError, match=r"10 passes do not divide by 4 members that cover all rows; use --epochs 12"):
        Ensemble(cover="full").passes(10)
    assert Ensemble(cover="full").passes(12) == 3


def test_a_part_without_a_class_is_refused() -> None:
    rare = np.where(np.arange(40) == 0, 9, Y)
    with pytest.raises(DataError, match=r"made: part \d of 4 has no row of class 9; use more --samples, or fewer"):
        Ensemble().member_rows(Arrays(ARRAYS.x_train, rare, ARRAYS.x_test, ARRAYS.y_test, "made"), seed=0)


PROBABILITIES = np.array(
    [
        [[0.6, 0.4, 0.0], [0.9, 0.1, 0.0], [0.5, 0.3, 0.2]],
        [[0.6, 0.4, 0.0], [0.0, 0.6, 0.4], [0.0, 0.55, 0.45]],
        [[0.0, 0.9, 0.1], [0.0, 0.4, 0.6], [0.0, 0.1, 0.9]],
    ]
)
"""Three members on three rows: two agree on the first; each chooses another class on the others."""


def test_the_majority_wins_even_against_a_higher_sum() -> None:
    assert Ensemble(members=3).vote(PROBABILITIES)[0] == 0
    assert PROBABILITIES.sum(axis=0)[0].argmax() == 1


def test_a_tie_goes_to_the_highest_sum_or_the_lowest_label() -> None:
    assert Ensemble(members=3).vote(PROBABILITIES).tolist() == [0, 1, 2]
    assert Ensemble(members=3, ties="lowest").vote(PROBABILITIES).tolist() == [0, 0, 0]


def test_a_class_without_votes_never_wins_a_tie() -> None:
    tied = np.array([[[0.51, 0.0, 0.49]], [[0.0, 0.51, 0.49]]])
    assert Ensemble(members=2).vote(tied)[0] in (0, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"cover": "half"}, "cover=half is none of shard, full"), ({"ties": "dice"}, "ties=dice"), ({"members": "0"}, "members=0")],
)
def test_refuses_impossible_settings(settings: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Ensemble.from_settings(settings)
