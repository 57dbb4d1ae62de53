"""One engine serves all its runs; a run that fails in it costs one record, and the rest goes on in a new engine."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from manyhands.plan import RunSpec
from manyhands.plugins import backend_classes
from manyhands.record import Record
from manyhands.reuse import measure_in_one_engine
from manyhands.run import RunContext, refusal

pytestmark = pytest.mark.slow


def spec(workers: int, **changes: object) -> RunSpec:
    common = {"workload": "rnn", "backend": "dask", "samples": 512, "reuse_engine": True, "timeout_s": 120.0}
    return RunSpec.from_dict(common | {"workers": workers} | changes)


REUSABLE = [name for name, backend in backend_classes().items() if backend.reusable]


@pytest.mark.parametrize("backend", REUSABLE)
def test_runs_of_different_sizes_share_one_launch(backend: str, tmp_path: Path) -> None:
    if reason := refusal(spec(1, backend=backend)):
        pytest.skip(reason)
    records: list[Record] = []
    runs = [spec(1, backend=backend), spec(2, backend=backend), spec(1, backend=backend, repeat=1)]
    measure_in_one_engine(runs, RunContext(log_folder=tmp_path), 5, records.append)
    assert [record.status for record in records] == ["ok"] * 3, [record.reason for record in records]
    assert [len(record.per_worker) for record in records] == [1, 2, 1]
    assert [record.plan["position"] for record in records] == [5, 6, 7]
    assert len({record.resolved["engine"] for record in records}) == 1
    assert len({record.resolved["engine_launch_s"] for record in records}) == 1
    assert [record.resolved["engine_stop_s"] is None for record in records] == [True, True, False]
    begins = [datetime.fromisoformat(record.started_at) for record in records]
    for begin, record, next_begin in zip(begins, records, begins[1:], strict=False):
        assert 0 <= (next_begin - begin).total_seconds() - record.wall_s < 5
    for record in records:
        assert record.wall_s is not None
        assert all(0 <= cpu_s <= record.resources["cpu_s"] + 1 for _, cpu_s, _ in record.resources["samples"])
        assert record.resources["peak_pss_bytes"] >= max(worker["peak_pss_bytes"] for worker in record.per_worker)
        assert sum(seconds for seconds in record.phases.values() if seconds is not None) == pytest.approx(record.wall_s, rel=0.02)
        assert record.resources["cpu_s"] > 0
    assert records[0].history[0]["loss"] == records[2].history[0]["loss"]


def test_failed_run_is_one_record_and_the_rest_goes_on(tmp_path: Path) -> None:
    if reason := refusal(spec(1)):
        pytest.skip(reason)
    records: list[Record] = []
    runs = [spec(1), spec(1, samples=10_000_000), spec(1, repeat=1)]
    measure_in_one_engine(runs, RunContext(log_folder=tmp_path), 0, records.append)
    assert [record.status for record in records] == ["ok", "failed", "ok"], [record.reason for record in records]
    assert "10000000 were asked for" in str(records[1].reason)
    assert records[0].resolved["engine"] != records[2].resolved["engine"]
