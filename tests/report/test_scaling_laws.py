from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.example import example_records
from manyhands.analysis.laws import amdahl, usl
from manyhands.record import Record
from manyhands.report.group_view import group_views


def lines(records: Sequence[Record]) -> tuple[str, ...]:
    (view,) = group_views(records)
    return view.law_lines


def test_law_of_every_backend_with_its_limit_or_the_reason_why_not() -> None:
    speeds = {("serial", 1, 1): 1.0, ("dask", 1, 1): 0.9, ("dask", 2, 1): 1.5}
    speeds |= {("ddp", n, 1): usl(n, 0.05, 0.02) for n in (1, 2, 4, 8, 16)} | {
        ("ray", n, 1): amdahl(n, 0.1) for n in (1, 2, 4, 8)
    }
    dask, ddp, ray = lines(example_records(speeds=speeds, noise=0.01))
    assert dask == "dask, 1 thread: scaling law not identifiable: needs 3 worker counts, has 2"
    assert ddp.startswith("ddp, 1 thread: Universal Scalability Law fits best: contention 0.0")
    assert "more than 7 workers hurt" in ddp
    assert "ray, 1 thread: Amdahl's law fits best" in ray
    assert "never more than" in ray
    assert "fitted without 8 workers it misses them by" in ray


def test_a_serial_fraction_that_may_be_anything_is_a_dash_and_sets_no_limit() -> None:
    speeds = {("serial", 1, 1): 1.0} | {("ray", n, 1): amdahl(n, 0.3) for n in (1, 2, 3)}
    (ray,) = [
        line for seed in range(9) for line in lines(example_records(speeds=speeds, noise=0.8, seed=seed)) if "serial" in line
    ][:1]
    assert "serial fraction –" in ray  # noqa: RUF001 - the dash of what was not measured
    assert "never more than" not in ray
