"""`ddp`: what is its own, beyond the contract: lost workers, ports, errors from inside a worker."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from engines import descendants, free_port, kill_when_busy

from manyhands.plan import RunSpec
from manyhands.record import read_records
from manyhands.run import Surroundings, measure, refusal

pytestmark = pytest.mark.slow


workers = partial(descendants, "manyhands.backends.torchrun.worker")


def test_killed_worker_is_a_failed_record_and_the_next_run_is_ok(tmp_path: Path) -> None:
    surroundings = Surroundings(log_folder=tmp_path)
    with kill_when_busy(workers, count=2, cpu_s=4, victim=1):
        record = measure(RunSpec(workload="mlp", backend="ddp", workers=2, samples=8192, epochs=50, timeout_s=120), surroundings)
    assert record.status == "failed"
    assert record.reason is not None
    assert "was killed by SIGKILL" in record.reason
    assert record.wall_s is not None
    assert record.wall_s < 60
    assert not workers()
    assert measure(RunSpec(workload="rnn", backend="ddp", workers=2, samples=256), surroundings).ok


def test_timeout_ends_the_whole_tree() -> None:
    began = time.monotonic()
    record = measure(RunSpec(workload="mlp", backend="ddp", workers=2, epochs=500, timeout_s=8), Surroundings())
    assert record.status == "failed"
    assert record.reason is not None
    assert "not finished after the 8 s of --timeout" in record.reason
    assert time.monotonic() - began < 25
    assert not workers()


def test_several_nodes_need_an_address() -> None:
    assert "--address HOST:PORT" in str(refusal(RunSpec(workload="cnn", backend="ddp", workers=2, nodes=2)))


def test_two_nodes_meet_and_node_zero_writes_the_record(tmp_path: Path) -> None:
    words = [
        sys.executable,
        "-m",
        "manyhands",
        "run",
        "rnn",
        "--backend",
        "ddp",
        "--workers",
        "2",
        "--samples",
        "512",
        "--repeats",
        "1",
    ]
    words += ["--nodes", "2", "--address", f"127.0.0.1:{free_port()}", "--timeout", "100"]
    env = os.environ | {"GLOO_SOCKET_IFNAME": "lo"}
    nodes = [
        subprocess.Popen(
            [*words, "--node-rank", str(rank), "--out", str(tmp_path / f"{rank}.jsonl")],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for rank in (0, 1)
    ]
    assert [node.wait(150) for node in nodes] == [0, 0]
    (record,) = read_records(tmp_path / "0.jsonl")
    assert record.ok, record.reason
    assert len(record.per_worker) == 2
    assert not (tmp_path / "1.jsonl").exists()  # node 0 writes the record
