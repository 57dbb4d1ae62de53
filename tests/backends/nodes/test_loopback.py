"""Two nodes on loopback, where no hosts can be made: `test_hosts.py` has the same two nodes on two of them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from engines import free_port
from hosts import missing

from manyhands.plan import RunSpec
from manyhands.record import read_records
from manyhands.run import refusal

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("backend", ["ddp", "fabric-ddp"])
def test_two_nodes_meet_and_node_zero_writes_the_record(backend: str, tmp_path: Path, torch: Any) -> None:
    if missing() is None:
        pytest.skip("hosts can be made here: tests/backends/nodes/test_hosts.py has two nodes on two of them")
    if reason := refusal(RunSpec(workload="rnn", backend=backend, workers=2)):
        pytest.skip(reason)
    words = [sys.executable, "-m", "manyhands", "run", "rnn", "--backend", backend, "--workers", "2", "--samples", "512"]
    words += ["--repeats", "1", "--timeout", "100", "--nodes", "2", "--address", f"127.0.0.1:{free_port()}"]
    nodes = [
        subprocess.Popen(
            [*words, "--node-rank", str(rank), "--out", str(tmp_path / f"{rank}.jsonl")],
            env=os.environ | {"GLOO_SOCKET_IFNAME": "lo"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for rank in (0, 1)
    ]
    assert [node.wait(150) for node in nodes] == [0, 0]
    (record,) = read_records(tmp_path / "0.jsonl")
    assert record.ok, record.reason
    assert [worker["rank"] for worker in record.per_worker] == [0, 1]
    assert not (tmp_path / "1.jsonl").exists()  # node 0 writes the record
