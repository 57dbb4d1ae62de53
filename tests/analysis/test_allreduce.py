"""The alpha-beta model against values worked out by hand, and what must hold for all values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.analysis.allreduce import ALGORITHMS, BUCKET, FIRST_BUCKET, buckets, exposed_s, ring_s, tree_s

sizes = st.floats(4, 1e10)
alphas = st.floats(0, 1e-2)
betas = st.floats(1e-12, 1e-6)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(size=sizes, alpha=alphas, beta=betas)
def test_one_worker_exchanges_nothing(algorithm: str, size: float, alpha: float, beta: float) -> None:
    assert ALGORITHMS[algorithm](1, size, alpha, beta) == 0


def test_times_are_those_of_the_formulas() -> None:
    assert ring_s(4, 1000.0, 1.0, 0.01) == pytest.approx(6 * 1.0 + 1.5 * 10)
    assert tree_s(4, 1000.0, 1.0, 0.01) == pytest.approx(4 * 1.0 + 1.5 * 10)
    assert tree_s(1024, 0.0, 1.0, 0.01) == pytest.approx(20)
    assert tree_s(5, 1000.0, 1.0, 0.01) == pytest.approx(tree_s(4, 1000.0, 1.0, 0.01) + 2 * (1 + 10))
    assert ring_s(2, 1000.0, 1.0, 0.01) == tree_s(2, 1000.0, 1.0, 0.01)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@given(workers=st.integers(2, 4096), size=sizes, alpha=alphas, beta=betas, more=st.floats(1, 100))
def test_more_of_anything_takes_no_less_time(
    algorithm: str, workers: int, size: float, alpha: float, beta: float, more: float
) -> None:
    taken = ALGORITHMS[algorithm]
    least = taken(workers, size, alpha, beta)
    assert least >= 0
    assert taken(workers, size * more, alpha, beta) >= least * (1 - 1e-9)
    assert taken(workers, size, alpha * more, beta) >= least * (1 - 1e-9)
    assert taken(workers, size, alpha, beta * more) >= least * (1 - 1e-9)
    assert taken(2 ** workers.bit_length(), size, alpha, beta) >= taken(2 ** (workers.bit_length() - 1), size, alpha, beta) * (
        1 - 1e-9
    )


@given(sizes)
def test_buckets_hold_all_gradients_and_none_is_too_large(size: float) -> None:
    found = buckets(size)
    assert sum(found) == pytest.approx(size)
    assert found[0] == min(size, FIRST_BUCKET)
    assert all(bucket == BUCKET for bucket in found[1:-1])
    assert all(0 < bucket <= BUCKET for bucket in found)


def test_a_single_bucket_is_exposed_whole() -> None:
    assert exposed_s(10.0, [1000.0], lambda size: size / 1000) == pytest.approx(1.0)


def test_a_long_backward_pass_hides_all_but_the_last_bucket() -> None:
    assert exposed_s(1000.0, [10.0, 10.0, 10.0], lambda size: 1.0) == pytest.approx(1.0)


def test_a_short_backward_pass_hides_nothing() -> None:
    assert exposed_s(0.0, [10.0, 10.0, 10.0], lambda size: 1.0) == pytest.approx(3.0)


def test_a_bucket_waits_for_the_one_before() -> None:
    # Filled at 1, 2 and 3; through at 1 + 2, 3 + 2 and 5 + 2.
    assert exposed_s(3.0, [10.0, 10.0, 10.0], lambda size: 2.0) == pytest.approx(4.0)
