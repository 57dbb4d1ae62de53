from __future__ import annotations

import math

import pytest
from scipy import stats

from manyhands.analysis.measured import Measured, difference_of, mean_of, ratio_of


def test_the_mean_has_student_s_interval_and_leaves_out_what_was_not_measured() -> None:
    found, values = mean_of([0.9, None, 0.92, 0.97]), (0.9, 0.92, 0.97)
    low, high = stats.ttest_1samp(values, 0).confidence_interval()
    assert (found.low, found.high, found.launches) == (pytest.approx(low), pytest.approx(high), 3)
    assert mean_of([0.9]) == Measured(0.9, launches=1)
    assert mean_of([None]).note == "not a number in any launch"


def test_the_change_of_a_quality_has_welch_s_interval() -> None:
    one, two = (0.9, 0.92, 0.97), (0.8, 0.85)
    found = difference_of(mean_of(two), mean_of(one))
    assert found
    low, high = stats.ttest_ind(one, two, equal_var=False).confidence_interval()
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert difference_of(Measured(0.9), mean_of(one)) == Measured(pytest.approx(0.93 - 0.9))
    assert difference_of(Measured(None), mean_of(one)) is None


def test_the_change_of_a_speed_up_is_a_ratio_with_the_errors_of_both_logarithms() -> None:
    found = ratio_of(Measured(2.0, error=(0.01, 4.0)), Measured(3.0, error=(0.01, 4.0)))
    assert found
    reach = stats.t.ppf(0.975, 8) * math.sqrt(0.02)
    assert (found.value, found.low) == (1.5, pytest.approx(1.5 * math.exp(-reach)))
    assert found.high == pytest.approx(1.5 * math.exp(reach))
    assert ratio_of(Measured(2.0), Measured(3.0)) == Measured(1.5)
    assert ratio_of(Measured(None), Measured(3.0)) is None
