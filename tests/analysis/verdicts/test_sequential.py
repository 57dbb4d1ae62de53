"""Error rates of the whole procedure on made-up launches whose truth is known."""

from __future__ import annotations

import math
from collections import Counter
from statistics import NormalDist, median

import numpy as np
import pytest

from manyhands.analysis.verdicts.sequential import (
    LOOKS,
    Budget,
    discoveries,
    fewest_for_small,
    fewest_pairs,
    judge,
    nominal,
    over_looks,
    visible,
)

PAIRS = 2 * LOOKS[-1]


def verdicts(effect: float, spread: float, draws: int, budget: Budget, pairs: int = PAIRS, freedom: float = 3) -> Counter[str]:
    """The frequency of each verdict for pairs that differ by `effect`, with the heavy tails of Student's t."""
    chance = np.random.default_rng(abs(round(1e4 * effect)) + draws)
    drawn = chance.standard_t(freedom, (draws, pairs)) * spread + math.log1p(effect)
    return Counter(judge(row.tolist(), budget).verdict for row in drawn)


def test_unchanged_is_called_slower_or_faster_less_often_than_the_budget_says() -> None:
    found = verdicts(0.0, 0.05, 1500, Budget(alpha=0.1))
    # 1.96 standard errors above alpha, for each direction
    allowed = 0.1 + NormalDist().inv_cdf(0.975) * math.sqrt(0.1 * 0.9 / 1500)
    assert found["worse"] / 1500 < allowed
    assert found["better"] / 1500 < allowed


def test_unchanged_is_hardly_ever_called_slower_by_the_default_budget() -> None:
    found = verdicts(0.0, 0.04, 1000, Budget(verdicts=4))
    assert found["worse"] <= 3
    assert found["same"] > 800


@pytest.mark.parametrize(("effect", "expected"), [(0.05, "worse"), (-0.06, "better"), (0.30, "worse")])
def test_a_real_difference_is_found(effect: float, expected: str) -> None:
    assert verdicts(effect, 0.02, 200, Budget(verdicts=4))[expected] >= 190


def test_a_difference_of_the_effect_is_called_same_less_often_than_the_budget_says() -> None:
    assert verdicts(0.05, 0.03, 600, Budget(alpha=0.05))["same"] / 600 < 0.05 + 0.02


def test_what_is_slower_was_seen_on_fresh_launches() -> None:
    first_only = [0.09] * LOOKS[0] + [(-1) ** number * 0.01 for number in range(200)]
    found = judge(first_only, Budget())
    assert found.verdict == "same"
    assert found.fresh > 0
    both = judge([0.1 + 0.001 * (number % 5) for number in range(60)], Budget())
    assert (both.verdict, both.settled) == ("worse", True)
    assert both.fresh > 0
    assert both.ratio == pytest.approx(math.exp(0.102), abs=0.005)


def test_too_few_pairs_are_undecided_and_say_what_they_could_have_shown() -> None:
    few = judge([0.05] * 5, Budget())
    assert (few.verdict, few.settled, few.visible, few.low) == ("undecided", False, None, None)
    assert fewest_pairs(Budget()) == 6
    assert fewest_for_small(Budget()) == 14
    assert fewest_for_small(Budget(verdicts=4)) == 17
    assert judge([0.08] * 13, Budget()).visible is None, "no difference below 10 % could have been called slower"
    assert judge([0.08] * 14, Budget()).verdict == "worse"
    some = judge(np.random.default_rng(0).normal(0.02, 0.1, 15).tolist(), Budget())
    assert some.verdict == "undecided"
    assert some.visible is not None
    assert 0.05 < some.visible < 0.5
    assert judge([], Budget()).verdict == "undecided"


def test_the_smallest_visible_effect_is_found_about_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    spread, pairs = 0.05, 72  # two stages of 36, at which both look
    reported = [visible(chance.normal(0, spread, pairs).tolist(), Budget()) for _ in range(30)]
    typical = median(one for one in reported if one)
    found = [judge((chance.normal(0, spread, pairs) + math.log1p(typical)).tolist(), Budget()) for _ in range(300)]
    assert 0.65 < sum(one.verdict == "worse" for one in found) / 300 < 0.95


def test_equal_values_are_the_same() -> None:
    found = judge([0.0] * 20, Budget(verdicts=4))
    assert (found.verdict, found.ratio) == ("same", 1.0)


def test_looking_often_is_paid_for() -> None:
    assert over_looks(0.01) > 0.02
    assert over_looks(nominal(0.1)) == pytest.approx(0.1, abs=0.005)
    assert over_looks(1e-7) <= len(LOOKS) * 1e-7
    assert over_looks(0.9) <= 1


def test_several_differences_are_judged_together() -> None:
    assert discoveries([], 0.05) == []
    assert discoveries([0.04, 1.0, 1.0, 1.0], 0.05) == [False] * 4
    assert discoveries([0.001, 0.02, 0.03, 1.0], 0.05) == [True, True, True, False]
