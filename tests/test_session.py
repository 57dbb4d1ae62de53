"""Which runs may share a started engine."""

import pytest

from manyhands.plan import RunSpec
from manyhands.session import shares_engine

FIRST = {"workload": "kmeans", "backend": "dask", "workers": 2, "batch": "per-worker", "reuse_engine": True}
LIMITED = FIRST | {"memory_limit": 10**9}


@pytest.mark.parametrize(
    ("one", "other", "together"),
    [
        (FIRST, FIRST | {"workers": 1, "workload": "search"}, True),
        (FIRST, FIRST | {"threads": 2}, False),
        (FIRST, FIRST | {"backend": "spark"}, False),
        (FIRST | {"reuse_engine": False}, FIRST | {"reuse_engine": False}, False),
        (LIMITED, LIMITED | {"repeat": 1}, True),
        (LIMITED, LIMITED | {"workers": 1}, False),
        (LIMITED, LIMITED | {"memory_limit": 2 * 10**9}, False),
        (LIMITED, FIRST, False),
    ],
)
def test_runs_share_an_engine_that_would_be_started_alike_for_each(one, other, together):  # type: ignore[no-untyped-def]
    assert shares_engine(RunSpec(**other), RunSpec(**one)) == together
