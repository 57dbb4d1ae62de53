import random
import statistics

import numpy as np
import pytest

from manyhands.analysis.intervals import bootstrap_interval, t_interval, welch_interval


def coverage(interval, draw, truth, cases):
    bounds = [interval(draw()) for _ in range(cases)]
    return sum(low <= truth <= high for low, high in bounds) / cases


def plain_percentiles(values):
    means = np.random.default_rng(0).choice(values, (2000, len(values))).mean(axis=1)
    return tuple(np.quantile(means, [0.025, 0.975]))


def test_agrees_with_scipy() -> None:
    from scipy import stats

    one, two = [1.0, 1.3, 0.9, 1.1], [2.0, 2.6, 1.9]
    assert t_interval(one) == pytest.approx(tuple(stats.ttest_1samp(one, 0).confidence_interval()))
    assert welch_interval(one, two) == pytest.approx(tuple(stats.ttest_ind(two, one, equal_var=False).confidence_interval()))


@pytest.mark.parametrize("count", [3, 6, 10])
def test_t_interval_covers_95_of_100(count):
    chance = random.Random(count)
    assert 0.94 <= coverage(t_interval, lambda: [chance.gauss(0, 1) for _ in range(count)], 0.0, 4000) <= 0.96


@pytest.mark.parametrize("count", [6, 10])
def test_bootstrap_covers_95_of_100_from_6_launches_on(count):
    chance = random.Random(count)

    def interval(values):
        return bootstrap_interval([values], resamples=3000)

    assert 0.93 <= coverage(interval, lambda: [chance.gauss(0, 1) for _ in range(count)], 0.0, 1000) <= 0.97


def test_a_plain_bootstrap_of_3_launches_is_far_too_narrow() -> None:
    chance = random.Random(3)
    assert coverage(plain_percentiles, lambda: [chance.gauss(0, 1) for _ in range(3)], 0.0, 1000) < 0.85


def test_bootstrap_takes_invocations_as_the_units_when_launches_in_them_resemble_each_other() -> None:
    chance = random.Random(1)

    def draw():
        centres = [chance.gauss(0, 1) for _ in range(8)]
        return [[centre + chance.gauss(0, 0.2) for _ in range(4)] for centre in centres]

    def by_invocation(invocations):
        return bootstrap_interval(invocations, resamples=3000)

    def pooled(invocations):
        return bootstrap_interval([[value for values in invocations for value in values]], resamples=3000)

    # 600 cases have a standard error of 1 %.
    assert coverage(by_invocation, draw, 0.0, 600) >= 0.91
    assert coverage(pooled, draw, 0.0, 600) <= 0.75


def test_bootstrap_gives_the_same_bounds_again_and_handles_unequal_invocations() -> None:
    values = [[float(number + shift) for number in range(shift + 1)] for shift in range(7)]
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values)
    assert low < statistics.fmean(value for level in values for value in level) < high


def test_too_few_values_have_no_interval() -> None:
    assert t_interval([1.0]) is None
    assert welch_interval([1.0], [2.0, 3.0]) is None
