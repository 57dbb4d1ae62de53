"""Against scipy's own test, and against what is known of small samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wilcoxon

from manyhands.analysis.verdicts.ranks import bounds, centre, chance_above


@pytest.mark.parametrize("count", [5, 7, 12, 30, 60])
def test_p_values_are_those_of_the_signed_rank_test(count: int) -> None:
    drawn = np.random.default_rng(count).normal(0.2, 1, count)
    assert float(chance_above(drawn)) == pytest.approx(wilcoxon(drawn, alternative="greater", method="exact").pvalue, rel=1e-9)


def test_many_differences_are_judged_at_once_and_by_the_normal_distribution_above_sixty() -> None:
    drawn = np.random.default_rng(1).normal(0.1, 1, (3, 90))
    found = chance_above(drawn)
    assert found.shape == (3,)
    expected = wilcoxon(drawn, axis=1, alternative="greater", method="asymptotic", correction=True).pvalue
    assert found == pytest.approx(expected, rel=1e-6)


def test_differences_of_zero_count_half_on_either_side() -> None:
    assert 0.4 < float(chance_above(np.zeros(9))) < 0.6
    assert float(chance_above(np.full(7, 0.1))) == pytest.approx(1 / 2**7)
    assert float(chance_above(np.full(7, -0.1))) == 1.0


def test_the_centre_does_not_follow_one_wild_launch() -> None:
    values = [0.01, 0.02, 0.03, 0.02, 0.01, 0.02, 5.0]
    assert centre(values) == pytest.approx(0.02, abs=0.01)


def test_bounds_hold_the_middle_as_often_as_they_say() -> None:
    chance = np.random.default_rng(3)
    held = 0
    for _ in range(1000):
        found = bounds(chance.standard_t(2, 12).tolist())
        assert found is not None
        held += found[0] <= 0 <= found[1]
    assert 0.94 <= held / 1000 <= 0.98
    assert bounds([0.1, 0.2, 0.3, 0.1, 0.2]) is None, "with five, even the outermost means hold only 94 %"
