import math

import pytest

from manyhands.analysis.spread import finite_or_none, mean, spread


def test_mean_sample_deviation_and_median_of_hand_computed_values() -> None:
    found = spread([1.0, 2.0, 6.0])
    assert found is not None
    assert (found.count, found.mean, found.median) == (3, 3.0, 2.0)
    assert found.sd == pytest.approx(math.sqrt(7.0))


def test_what_was_not_measured_stays_out() -> None:
    found = spread([None, math.nan, math.inf, "4", True, 4])
    assert found is not None
    assert (found.count, found.mean, found.sd) == (1, 4.0, None)
    assert spread([None]) is None
    assert mean([]) is None
    assert finite_or_none("1") is None
