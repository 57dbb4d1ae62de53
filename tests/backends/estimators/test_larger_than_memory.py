"""Rows of four times what `--memory-limit` gives a worker, on the engines that keep to it: gigabytes, for minutes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from manyhands.errors import Unavailable
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.run import RunContext, measure

pytestmark = [pytest.mark.large, pytest.mark.slow]

LIMIT = 600_000_000
"""dask-ml and XGBoost take 0.4 GB of a worker before there is a row, and 0.5 GB while they train: hence no smaller one."""
WORKLOADS = Path(__file__).with_name("large_rows.py")
POINTS = ("LargePoints", 64, {"max_iterations": 1})
TABLE = ("LargeTable", 512, {"rounds": 1, "max_depth": 2, "max_bins": 32})


@pytest.mark.parametrize(
    ("backend", "workload", "row_bytes", "settings"), [("dask", *POINTS), ("dask", *TABLE), ("spark", *TABLE)]
)
def test_finishes_on_four_times_the_memory_of_a_worker(
    backend: str, workload: str, row_bytes: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    """K-means on Spark is not among them: its rows are in Java's heap, whose size is the limit."""
    try:
        backend_class(backend).require()
    except Unavailable as error:
        pytest.skip(str(error))
    spec = RunSpec(
        workload=f"{shutil.copy(WORKLOADS, tmp_path)}:{workload}",
        backend=backend,
        workers=2,
        batch="per-worker",
        samples=4 * LIMIT // row_bytes,
        memory_limit=LIMIT,
        settings=settings,
        timeout_s=590.0,
    )
    record = measure(spec, RunContext(log_folder=tmp_path))
    assert record.ok, record.reason
    assert record.resolved["rows_per_epoch"] == spec.samples
    assert "ended_by_force" not in record.resources
    for worker in record.per_worker:
        assert worker["peak_rss_bytes"] < LIMIT
        assert worker["rows_seen"] == pytest.approx(record.resolved["rows_per_epoch"] / 2, abs=1)
