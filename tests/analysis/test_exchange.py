"""Alpha and beta against truth: points made from known values, with and without noise."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.analysis.allreduce import ring_s
from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_exchange, example_records
from manyhands.analysis.exchange import Link, MessageTime, fit_link, is_exchange, messages, points

SIZES = [4.0 * 10**power for power in range(9)]
ALPHA, BETA = 40e-6, 0.5e-9


def made(workers: tuple[int, ...] = (2,), launches: int = 3, noise: float = 0.0, seed: int = 0) -> list[MessageTime]:
    chance = random.Random(seed)
    return [
        MessageTime(n, size, ring_s(n, size, ALPHA, BETA) * chance.lognormvariate(0, noise))
        for n in workers
        for size in SIZES
        for _ in range(launches)
    ]


@given(st.floats(1e-7, 1e-2), st.floats(1e-11, 1e-7), st.integers(2, 64))
def test_finds_the_alpha_and_beta_that_made_the_points(alpha: float, beta: float, workers: int) -> None:
    made = [MessageTime(workers, 4.0 * 10**power, ring_s(workers, 4.0 * 10**power, alpha, beta)) for power in range(12)]
    found = fit_link(made)
    assert isinstance(found, Link)
    assert found.alpha.value == pytest.approx(alpha, rel=1e-3)
    assert found.beta.value == pytest.approx(beta, rel=1e-3)


@pytest.mark.parametrize("workers", [(2,), (2, 4, 8)])
def test_95_percent_intervals_hold_the_truth_in_about_95_percent_of_cases(workers: tuple[int, ...]) -> None:
    held = {"alpha": 0, "beta": 0}
    for seed in range(400):
        found = fit_link(made(workers, noise=0.03, seed=seed))
        assert isinstance(found, Link)
        for name, truth in (("alpha", ALPHA), ("beta", BETA)):
            estimate = getattr(found, name)
            held[name] += estimate.low <= truth <= estimate.high
    assert all(0.92 <= count / 400 <= 0.98 for count in held.values()), held


def test_two_sizes_identify_nothing() -> None:
    found = fit_link([MessageTime(2, 4.0, 1e-4), MessageTime(2, 40.0, 1e-4)])
    assert str(found) == "not identifiable: needs 3 message sizes, has 2"


def test_equal_times_of_all_sizes_identify_no_beta() -> None:
    found = fit_link([MessageTime(2, size, 1e-4) for size in (4.0, 40.0, 400.0)])
    assert str(found) == "not identifiable: no alpha and beta fit the points; measure larger messages"


def test_messages_too_small_to_show_beta_give_a_narrow_alpha_and_bounds_of_beta_far_apart() -> None:
    times = ((4.0, 1.00e-4), (40.0, 0.99e-4), (400.0, 1.02e-4))
    found = fit_link([MessageTime(2, size, seconds) for size, seconds in times])
    assert isinstance(found, Link)
    assert found.alpha.high is not None
    assert found.alpha.low is not None
    assert found.alpha.high < 1.5 * found.alpha.low
    assert found.beta.high is not None
    assert found.beta.low is not None
    assert found.beta.high > 100 * found.beta.low


def test_bandwidths_are_those_of_nccl_tests() -> None:
    record = example_exchange("ddp", 4, {1_000_000: [0.002, 0.001, 0.9]})
    (cell,) = group_records([record])[0].cells
    (message,) = messages(cell)
    assert message.bytes == 4e6
    assert message.seconds.mean == 0.002  # the median: one slow repetition changes nothing
    assert message.algbw == pytest.approx(2e9)
    assert message.busbw == pytest.approx(3e9)


def test_a_launch_is_a_point_and_records_of_networks_are_none() -> None:
    records = [example_exchange("ddp", 2, {1: [1e-4], 10: [1e-4]}, repeat) for repeat in range(2)]
    assert len(points(records)) == 4
    assert points(example_records()) == []
    assert is_exchange(group_records(records)[0])
    assert not is_exchange(group_records(example_records())[0])
