from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import studentized_range

from manyhands.analysis.model.fastest import may_be_fastest, range_quantile
from manyhands.analysis.model.levels import Levels


def found(level, variance=0.01, freedom=20.0):
    size = (len(level), len(level))
    return Levels(np.array(level), np.full(size, variance), np.full(size, freedom), np.full(len(level), 3))


@pytest.mark.parametrize(("cells", "freedom"), [(2, 1.0), (2, 10.0), (6, 2.0), (6, 5.0), (12, 40.0)])
def test_quantiles_are_those_of_scipy(cells: int, freedom: float) -> None:
    expected = studentized_range.isf(0.05, cells, freedom) / np.sqrt(2)
    assert range_quantile(cells, freedom, 0.05) == pytest.approx(expected, rel=2e-4)


def test_only_cells_beyond_the_range_are_slower() -> None:
    reach = range_quantile(3, 20.0) * 0.1
    assert may_be_fastest(found([0.0, reach * 1.01, 0.3 * reach]), range(3)) == [1, 2]
    assert may_be_fastest(found([0.0, reach * 0.99, 0.0]), range(3)) == [1, 0, 2]


def test_fewer_candidates_have_a_shorter_range() -> None:
    short, long = range_quantile(2, 20.0) * 0.1, range_quantile(3, 20.0) * 0.1
    level = [0.0, -1.01 * (short + long) / 2, -2 * long]
    assert short < -level[1] < long
    assert may_be_fastest(found(level), range(3)) == [0], "the third falls first, then the range is that of two cells"


def test_cells_that_do_not_count_and_an_unknown_spread() -> None:
    assert may_be_fastest(found([0.0, 9.0, -9.0]), [0, 2]) == [0]
    assert may_be_fastest(found([0.0, 9.0], np.inf, 0.0), range(2)) == [1, 0]
