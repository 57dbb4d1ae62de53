import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.analysis.laws import LAWS, amdahl, gustafson, usl, usl_peak

SHARES = st.floats(0, 1)


@pytest.mark.parametrize("law", LAWS)
def test_one_worker_is_one_and_no_overhead_is_linear(law):
    assert law.speedup(1, *law.start) == pytest.approx(1)
    assert law.speedup(16, *(0 for _ in law.parameters)) == 16


def test_hand_computed_values() -> None:
    assert amdahl(4, 0.2) == pytest.approx(4 / 1.6)
    assert gustafson(4, 0.2) == pytest.approx(3.4)
    assert usl(4, 0.1, 0.05) == pytest.approx(4 / 1.9)


@given(sigma=SHARES, workers=st.integers(1, 10_000))
def test_usl_without_coherency_is_amdahl(sigma, workers):
    assert usl(workers, sigma, 0) == amdahl(workers, sigma)
    assert amdahl(workers, sigma) <= workers


@given(alpha=st.floats(0, 0.9), beta=st.floats(1e-6, 0.1))
def test_no_worker_count_beats_the_peak(alpha, beta):
    top = usl_peak(alpha, beta)
    assert usl(top, alpha, beta) >= max(usl(max(1, top * 0.9), alpha, beta), usl(top * 1.1, alpha, beta))


def test_peak_at_the_ends() -> None:
    assert usl_peak(0.1, 0) == math.inf
    assert usl_peak(2.0, 0.1) == 1
