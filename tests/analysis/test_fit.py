import numpy as np
import pytest

from manyhands.analysis.fit import LawFit, NotIdentifiable, fit, peak
from manyhands.analysis.laws import AMDAHL, GUSTAFSON, LAWS, USL

COUNTS = np.repeat([1.0, 2.0, 4.0, 8.0, 16.0], 3)
SPECSDM91 = {1: 64.9, 18: 995.9, 36: 1652.4, 72: 1853.2, 108: 1828.9, 144: 1775.0, 216: 1702.2}
"""Load and throughput of a SPEC SDM91 machine, the example data of R's package `usl`."""


@pytest.mark.parametrize(("law", "truth"), [(AMDAHL, [0.05]), (GUSTAFSON, [0.2]), (USL, [0.05, 0.002])])
def test_points_without_noise_give_back_the_parameters(law, truth):
    found = fit(law, COUNTS, 120.0 * law.speedup(COUNTS, *truth))
    assert isinstance(found, LawFit)
    assert found.gamma.value == pytest.approx(120.0)
    assert [estimate.value for estimate in found.parameters.values()] == pytest.approx(truth)
    assert found.throughput(32) == pytest.approx(120.0 * law.speedup(32, *truth))


def test_agrees_with_r_on_its_own_example() -> None:
    # R's `usl` gives alpha 0.0277, beta 0.000104, gamma 90.0; it takes noise to be of one size at every load.
    found = fit(USL, list(SPECSDM91), list(SPECSDM91.values()), noise="absolute")
    assert isinstance(found, LawFit)
    assert found.parameters["alpha"].value == pytest.approx(0.0277, abs=5e-5)
    assert found.parameters["beta"].value == pytest.approx(0.000104, abs=5e-7)
    assert found.gamma.value == pytest.approx(90.0, abs=0.05)
    assert peak(found).value == pytest.approx(96.52, abs=0.05)


@pytest.mark.parametrize(("law", "truth"), [(AMDAHL, [0.05]), (GUSTAFSON, [0.2]), (USL, [0.03, 0.001])])
def test_intervals_cover_the_truth_in_95_of_100_cases_with_3_percent_noise(law, truth):
    chance, cases = np.random.default_rng(7), 1500
    exact = 100.0 * law.speedup(COUNTS, *truth)
    hits = np.zeros(1 + len(truth))
    for _ in range(cases):
        found = fit(law, COUNTS, exact * np.exp(chance.normal(0, 0.03, len(COUNTS))))
        estimates = (found.gamma, *found.parameters.values())
        hits += [estimate.low <= value <= estimate.high for estimate, value in zip(estimates, (100.0, *truth), strict=True)]
    assert (hits / cases >= 0.93).all()
    assert (hits / cases <= 0.97).all()


def test_peak_has_an_interval_that_holds_the_true_peak() -> None:
    chance = np.random.default_rng(1)
    found = fit(USL, COUNTS, 100.0 * USL.speedup(COUNTS, 0.05, 0.01) * np.exp(chance.normal(0, 0.03, len(COUNTS))))
    top = peak(found)
    assert top.low < np.sqrt(0.95 / 0.01) < top.high
    assert top == peak(found)


@pytest.mark.parametrize("law", LAWS)
def test_too_few_worker_counts_give_words_and_no_number(law):
    counts = np.repeat(np.arange(1.0, law.needs), 4)
    found = fit(law, counts, counts)
    assert isinstance(found, NotIdentifiable)
    assert str(found) == f"not identifiable: needs {law.needs} worker counts, has {law.needs - 1}"


def test_wild_points_end_in_words_or_a_fit_but_never_in_an_error() -> None:
    chance = np.random.default_rng(0)
    for _ in range(50):
        for law in LAWS:
            found = fit(law, COUNTS, np.exp(chance.normal(0, 5, len(COUNTS))))
            assert isinstance(found, LawFit | NotIdentifiable)


def test_bounds_that_no_float_holds_are_cut_off_and_not_raised() -> None:
    # Three single launches of eight workers on two cores: with one degree of freedom the interval reaches anywhere.
    found = [fit(law, (2, 4, 8), (1442.9716952514284, 610.7015821494507, 366.92332854953577)) for law in LAWS]
    assert all(np.isfinite([one.gamma.low, one.gamma.high]).all() for one in found if isinstance(one, LawFit))
