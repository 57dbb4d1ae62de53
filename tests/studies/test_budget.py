"""What a budget buys: repeats first, then work, then more repeats."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.errors import UsageError
from manyhands.studies.budget import fit_budget, parse_budget, work_at
from manyhands.studies.study import StudyPart

PART = StudyPart(name="p", workload="rnn", backends={"serial": [1]}, epochs=10, least_epochs=2, least_samples=1000, batch_size=64)


def once_s(share: float) -> float:
    """Two cells, of 2 s and 8 s whatever they do, and 100 s and 50 s for all their work, of which 2 % is the least."""
    return 10 + 150 * max(share, 0.02)


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("10m", 600), ("1.5h", 5400), ("600", 600), (" 2 M ", 120)])
def test_a_budget_has_a_unit(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0m", "-5m", "ten minutes", "5d", "m", "1e3", "nan", "inf"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a time above 0; write for example 90s, 10m or 1h"):
        parse_budget(text)


def test_three_launches_come_before_more_work() -> None:
    scale = fit_budget(once_s, 60, 5)
    assert scale.repeats == 3
    assert 0.02 < scale.share < 1
    assert 55 < scale.expected_s <= 60


def test_with_room_to_spare_all_the_work_is_done_and_then_repeated() -> None:
    scale = fit_budget(once_s, 4 * 160, 5)
    assert (scale.repeats, scale.share, scale.expected_s) == (4, 1.0, 640)
    assert fit_budget(once_s, 1e6, 5).repeats == 5


def test_too_little_gives_the_least_that_the_study_can_be() -> None:
    scale = fit_budget(once_s, 5, 5)
    assert (scale.repeats, scale.share, scale.expected_s) == (1, 0.0, 13)


def test_repeats_that_were_asked_for_are_kept() -> None:
    assert fit_budget(once_s, 30, 5, repeats=2).repeats == 2
    assert fit_budget(once_s, 1e6, 5, repeats=2).repeats == 2


@given(st.floats(1, 1e5), st.integers(1, 8))
def test_what_is_expected_stays_within_the_budget_when_anything_can(budget_s: float, most: int) -> None:
    scale = fit_budget(once_s, budget_s, most)
    assert 1 <= scale.repeats <= most
    assert scale.expected_s <= budget_s * 1.001 or (scale.repeats == 1 and scale.share == 0.0)


def test_epochs_go_before_rows() -> None:
    assert work_at(PART, 1.0, 50_000) == (10, 50_000)
    assert work_at(PART, 0.5, 50_000) == (5, 50_000)
    epochs, rows = work_at(PART, 0.1, 50_000)
    assert epochs == 2
    assert rows == 24_960  # half of them, in whole batches
    assert work_at(PART, 0.0, 50_000) == (2, 1000)


def test_rows_that_are_never_scaled_stay_whole() -> None:
    assert work_at(replace(PART, least_samples=None), 0.0, 77) == (2, 77)
    assert work_at(replace(PART, least_samples=1000), 0.0, 77) == (2, 77)


@given(st.floats(0, 1), st.integers(1, 100_000))
def test_epochs_are_multiples_of_the_step(share: float, rows: int) -> None:
    epochs, samples = work_at(replace(PART, epochs=12, least_epochs=4, epochs_step=4), share, rows)
    assert epochs in (4, 8, 12)
    assert 1 <= samples <= rows
