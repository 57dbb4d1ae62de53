from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.report.charts.labels import GAP, spread_out


@given(st.lists(st.floats(0, 10), min_size=1, max_size=12))
def test_labels_never_lie_on_each_other_nor_above_the_chart(values: list[float]) -> None:
    pixels = sorted(place * 30 for place in spread_out(values, 0, 10, 300))
    assert all(above - below >= GAP - 1e-6 for below, above in pairwise(pixels))
    assert pixels[-1] <= 300 + 1e-6


def test_labels_with_room_stay_where_they_are() -> None:
    assert spread_out([1, 5, 9], 0, 10, 300) == pytest.approx([1, 5, 9])
    assert spread_out([1, 8], 0.5, 64, 300, is_logarithmic=True) == pytest.approx([1, 8])
