from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from manyhands.analysis.intervals import reach_of_difference, t_quantile


def test_the_quantile_of_student() -> None:
    assert t_quantile(1) == pytest.approx(12.7062047)
    assert t_quantile(1e9) == pytest.approx(1.959964)


def test_the_interval_of_a_difference_is_that_of_welch() -> None:
    chance = np.random.default_rng(0)
    one, two = chance.normal(0, 1, 4), chance.normal(2, 3, 7)
    low, high = stats.ttest_ind(two, one, equal_var=False).confidence_interval()
    reach = reach_of_difference(*((values.var(ddof=1) / len(values), len(values) - 1.0) for values in (one, two)))
    assert reach == pytest.approx((high - low) / 2)


def test_values_without_spread_have_no_reach() -> None:
    assert reach_of_difference((0.0, 2.0), (0.0, 1.0)) == 0
    assert reach_of_difference((1.0, 2.0), (0.0, 1.0)) == pytest.approx(t_quantile(2))
