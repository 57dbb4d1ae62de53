from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from manyhands.analysis.verdicts.steady import find_steady

pytest.importorskip("ruptures", reason="needs ruptures: pip install 'manyhands[compare]'")


def launches(profile: list[float], count: int = 20, noise: float = 0.03) -> list[list[float]]:
    chance = np.random.default_rng(0)
    return [[level * scale * chance.lognormal(0, noise) for level in profile] for scale in chance.lognormal(0, 0.15, count)]


def test_slow_first_epochs_are_found_and_left_out() -> None:
    found = find_steady(launches([1.5, 1.2, 1, 1, 1, 1, 1, 1]))
    assert (found.start, found.found) == (2, True)
    assert found.of([0.5, 0.6, 1.0, 1.0, 1.1, 0.9, 1.0, 1.0]) == 0.9
    assert replace(found, middle=True).of([0.5, 0.6, 1.0, 1.0, 1.1, 0.9, 1.0, 1.0]) == 1.0


def test_launches_that_are_steady_from_the_start_keep_all_epochs() -> None:
    assert find_steady(launches([1.0] * 8)).start == 0


def test_a_difference_below_two_percent_is_no_warm_up() -> None:
    assert find_steady(launches([1.01, 1, 1, 1, 1, 1, 1, 1], noise=0.001)).start == 0


def test_what_still_changes_at_the_end_is_not_steady_and_loses_nothing() -> None:
    found = find_steady(launches([1, 1, 1, 1, 1, 1.4, 1.4, 1.4]))
    assert (found.start, found.found) == (0, False)


def test_few_epochs_are_taken_as_they_are() -> None:
    assert find_steady([[2.0, 1.0], [2.1, 1.1]]).start == 0
