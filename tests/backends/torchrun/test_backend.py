"""`ddp`: what is its own, beyond the contract: lost workers, ports, errors from inside a worker."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from listening import listening

from manyhands.plan import RunSpec
from manyhands.record import read_records
from manyhands.run import Surroundings, measure, refusal

pytestmark = pytest.mark.slow


def workers_of(module: str) -> list[psutil.Process]:
    """Descendants that run `module` and have loaded torch's process group, i.e. are training or about to."""
    found = []
    for process in psutil.Process().children(recursive=True):
        try:
            if module in process.cmdline():
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def test_killed_worker_is_a_failed_record_and_the_next_run_is_ok(tmp_path: Path) -> None:
    def kill() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if len(found := workers_of("manyhands.backends.torchrun.worker")) == 2:
                time.sleep(4)
                os.kill(found[1].pid, signal.SIGKILL)
                return
            time.sleep(0.1)

    killer = threading.Thread(target=kill)
    killer.start()
    surroundings = Surroundings(log_folder=tmp_path)
    record = measure(RunSpec(workload="mlp", backend="ddp", workers=2, samples=8192, epochs=50, timeout_s=120), surroundings)
    killer.join()
    assert record.status == "failed"
    assert record.reason is not None
    assert "was killed by SIGKILL" in record.reason
    assert record.wall_s is not None
    assert record.wall_s < 60
    assert not workers_of("manyhands.backends.torchrun.worker")
    assert measure(RunSpec(workload="rnn", backend="ddp", workers=2, samples=256), surroundings).ok


def test_only_loopback_listens_while_a_run_is_on() -> None:
    with listening() as heard:
        record = measure(RunSpec(workload="rnn", backend="ddp", workers=2, samples=4096), Surroundings())
    assert record.ok, record.reason
    assert heard
    assert heard <= {"127.0.0.1", "::1"}


def test_data_error_inside_a_worker_reaches_the_record_in_its_own_words() -> None:
    record = measure(RunSpec(workload="cnn", backend="ddp", workers=2, samples=10_000_000), Surroundings())
    assert record.status == "failed"
    assert record.reason == "embedded digits has 8192 training rows, 10000000 were asked for; use fewer --samples"


def test_timeout_ends_the_whole_tree() -> None:
    began = time.monotonic()
    record = measure(RunSpec(workload="mlp", backend="ddp", workers=2, epochs=500, timeout_s=8), Surroundings())
    assert record.status == "failed"
    assert record.reason is not None
    assert "not finished after the 8 s of --timeout" in record.reason
    assert time.monotonic() - began < 25
    assert not workers_of("manyhands.backends.torchrun.worker")


def test_several_nodes_need_an_address() -> None:
    assert "--address HOST:PORT" in str(refusal(RunSpec(workload="cnn", backend="ddp", workers=2, nodes=2)))


def test_two_nodes_meet_and_node_zero_writes_the_record(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
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
    words += ["--nodes", "2", "--address", f"127.0.0.1:{port}", "--timeout", "100"]
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
