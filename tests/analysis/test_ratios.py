import math
import random

import pytest

from manyhands.analysis.ratios import LaunchValue, ratio


def launches(values, invocation="a"):
    return [LaunchValue((invocation, repeat), value) for repeat, value in enumerate(values)]


def test_paired_interval_of_hand_computed_values() -> None:
    # logs of the ratios: ln 2, ln 2, ln 4; mean (4/3) ln 2, sd ln(2)/sqrt(3), standard error ln(2)/3, t(2) = 4.302653
    found = ratio(launches([1.0, 3.0, 1.0]), launches([2.0, 6.0, 4.0]))
    assert found is not None
    assert (found.launches, found.method) == (3, "paired t")
    assert found.value == pytest.approx(2 ** (4 / 3))
    assert found.low == pytest.approx(2 ** (4 / 3 - 4.302653 / 3), rel=1e-6)
    assert found.high == pytest.approx(2 ** (4 / 3 + 4.302653 / 3), rel=1e-6)


def test_launches_of_other_blocks_are_not_paired() -> None:
    found = ratio(launches([1.0, 1.0], "a"), launches([2.0, 8.0], "b"))
    assert found is not None
    # Welch with one cell of no spread: error sqrt(var/2) = ln(4)/2, 1 degree of freedom, t = 12.7062
    assert (found.value, found.method) == (pytest.approx(4.0), "unpaired t")
    assert found.high == pytest.approx(4.0 * math.exp(12.7062047 * math.log(4) / 2), rel=1e-6)


def test_one_launch_has_a_value_and_no_interval() -> None:
    found = ratio(launches([2.0]), launches([3.0]))
    assert found is not None
    assert (found.value, found.low, found.high, found.method) == (pytest.approx(1.5), None, None, "one launch")
    assert ratio([], launches([3.0])) is None


def test_drift_that_a_block_shares_does_not_widen_the_interval() -> None:
    drift = [1.0, 1.5, 0.7]
    found = ratio(launches(drift), launches([2.0 * value for value in drift]))
    assert found is not None
    assert (found.low, found.high) == (pytest.approx(2.0), pytest.approx(2.0))


@pytest.mark.parametrize("count", [3, 10])
@pytest.mark.parametrize("paired", [True, False])
def test_interval_covers_the_truth_in_95_of_100_cases(count, paired):
    chance, cases = random.Random(count), 1000
    covered = 0
    for _ in range(cases):
        drift = [chance.lognormvariate(0, 0.1) if paired else 1.0 for _ in range(count)]
        base = [value * chance.lognormvariate(0, 0.03) for value in drift]
        other = [1.8 * value * chance.lognormvariate(0, 0.03) for value in drift]
        found = ratio(launches(base), launches(other, "a" if paired else "b"))
        assert found is not None
        covered += found.low <= 1.8 <= found.high
    # 1000 cases have a standard error of 0.7 %; Welch is slightly wide at 3 launches.
    assert 0.93 <= covered / cases <= (0.97 if paired else 0.98)
