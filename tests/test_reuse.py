"""A run that fails in an engine costs one record, and the rest goes on in a new engine. That runs share one is in the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.reuse import measure_in_one_engine
from manyhands.run import RunContext, refusal

pytestmark = pytest.mark.slow


def spec(workers: int, **changes: object) -> RunSpec:
    common = {"workload": "prepare", "backend": "dask", "samples": 512, "reuse_engine": True, "timeout_s": 120.0}
    return RunSpec.from_dict(common | {"workers": workers} | changes)


def test_failed_run_is_one_record_and_the_rest_goes_on(tmp_path: Path) -> None:
    if reason := refusal(spec(1)):
        pytest.skip(reason)
    records: list[Record] = []
    runs = [spec(1), spec(1, workload="rnn", samples=10_000_000), spec(1, repeat=1)]
    measure_in_one_engine(runs, RunContext(log_folder=tmp_path), 0, records.append)
    assert [record.status for record in records] == ["ok", "failed", "ok"], [record.reason for record in records]
    assert "10000000 were asked for" in str(records[1].reason)
    assert records[0].resolved["engine"] != records[2].resolved["engine"]
