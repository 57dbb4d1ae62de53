import math

import pytest

from manyhands.analysis.best_law import Choice, Curve, choose, curves
from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.laws import AMDAHL, GUSTAFSON, USL, amdahl, gustafson, usl


def curve_of(speedup, counts=(1, 2, 4, 8, 16), repeats=3, scaling="fixed"):
    shake = (0.99, 1.0, 1.01, 1.0)
    points = [(n, 100 * speedup(n) * shake[(n + repeat) % 4]) for n in counts for repeat in range(repeats)]
    return Curve("ddp", 1, scaling, *zip(*points, strict=True))


@pytest.mark.parametrize(
    ("law", "scaling", "speedup"),
    [
        (AMDAHL, "fixed", lambda n: amdahl(n, 0.1)),
        (USL, "fixed", lambda n: usl(n, 0.05, 0.01)),
        (GUSTAFSON, "growing", lambda n: gustafson(n, 0.2)),
        (USL, "growing", lambda n: usl(n, 0.05, 0.01)),
    ],
)
def test_finds_the_law_that_made_the_points(law, scaling, speedup):
    found = choose(curve_of(speedup, scaling=scaling))
    assert isinstance(found, Choice)
    assert found.fits[0].law is law
    assert found.error_at_largest == pytest.approx(0, abs=0.06)
    assert math.isinf(found.peak.value) == (law is not USL)


def test_too_few_points_are_refused_in_words() -> None:
    assert str(choose(curve_of(float, counts=(1, 2)))) == "not identifiable: needs 3 worker counts, has 2"
    assert str(choose(curve_of(float, counts=(1, 2, 4), repeats=1))) == "not identifiable: needs 5 launches, has 3"


def test_leaving_the_largest_out_needs_a_worker_count_to_spare() -> None:
    found = choose(curve_of(lambda n: amdahl(n, 0.1), counts=(1, 2, 4)))
    assert not isinstance(found, NotIdentifiable)
    assert found.error_at_largest is None


def test_curves_are_those_of_backends_with_two_worker_counts() -> None:
    (group,) = group_records(example_records())
    (curve,) = curves(group, "train")
    assert (curve.backend, curve.threads, curve.workers) == ("ddp", 1, (1, 1, 1, 2, 2, 2))
    assert all(value > 0 for value in curve.throughput)


def test_a_backend_without_times_has_no_curve() -> None:
    records = [example_record(1.0, {"backend": "ddp", "workers": workers}, phases={}) for workers in (1, 2, 4)]
    assert curves(group_records(records)[0], "train") == []
