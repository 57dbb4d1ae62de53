"""Large differences are called after few pairs, and noise is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from manyhands.analysis.verdicts.early import EARLY, seen_early
from manyhands.analysis.verdicts.sequential import Budget, judge, largest_product


@pytest.mark.parametrize(("effect", "pairs"), [(1.0, 6), (0.3, 8)])
def test_a_large_difference_is_called_after_few_pairs(effect: float, pairs: int) -> None:
    chance = np.random.default_rng(1)
    found = [judge((chance.normal(0, 0.04, pairs) + math.log1p(effect)).tolist(), Budget()) for _ in range(200)]
    assert sum(one.verdict == "worse" and one.settled for one in found) >= 190
    assert all(one.fresh >= 3 for one in found if one.settled), "seen again on fresh pairs"
    faster = judge((chance.normal(0, 0.04, pairs) - math.log1p(effect)).tolist(), Budget())
    assert faster.verdict == "better"


def test_noise_with_heavy_tails_is_not_called_early() -> None:
    chance = np.random.default_rng(2)
    drawn = chance.standard_t(2, (20_000, 8)) * 0.15
    called = sum(bool(seen_early(row[:6], 1e-3) or seen_early(row, 1e-3)) for row in drawn.tolist())
    assert called / 20_000 <= 0.002, "half of what two looks in both directions have"


def test_a_difference_must_be_large_in_both_halves_and_beyond_the_noise() -> None:
    steady = [0.3, 0.31, 0.3, 0.31, 0.3, 0.31]
    assert seen_early(steady, 1e-3)
    assert seen_early([0.3, 0.31, 0.3, 0.05, 0.06, 0.05], 0.5) is None
    assert seen_early([*steady[:5], -0.01], 0.01), "one slow launch of the other side"
    assert seen_early([0.3, 0.5, 0.1, 0.9, -0.2, 0.4], 1e-3) is None
    assert seen_early([0.09] * 6, 0.5) is None


@pytest.mark.parametrize("verdicts", [1, 4, 40])
def test_the_looks_at_few_pairs_take_what_the_two_stages_of_the_rank_test_leave_of_the_budget(verdicts: int) -> None:
    budget = Budget(alpha=0.1, verdicts=verdicts)
    first, second = np.random.default_rng(4).random((2, 4_000_000))
    called = (first <= budget.screen) & (second <= budget.screen) & (first * second <= largest_product(budget.each))
    assert called.mean() + len(EARLY) * budget.early == pytest.approx(budget.each, rel=0.05)
    assert budget.early > 0


def test_more_verdicts_leave_less_for_each_look() -> None:
    rough = [0.7, 0.5, 0.95, 0.6, 0.8, 0.62]
    assert judge(rough, Budget()).verdict == "worse"
    assert judge(rough, Budget(verdicts=4000)).verdict == "undecided"
