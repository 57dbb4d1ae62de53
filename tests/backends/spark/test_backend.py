"""`spark`: what is its own, beyond the contract: Java, refusals, a cluster that runs already, lost workers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from engines import (
    descendants,
    endless_spec,
    free_port,
    in_one_engine,
    killing,
    ranks_in_training,
    small_spec,
    training,
    wait_for_line,
    wait_until,
)
from listening import listening

from manyhands.backends.nodes.interface import interface_towards
from manyhands.backends.spark.arrays import find_file, read_arrays, write_arrays
from manyhands.backends.spark.backend import Spark
from manyhands.backends.spark.failure import JAVA_LOG, failure, java_ended
from manyhands.backends.spark.java import java_version, require_java
from manyhands.errors import DataError, EngineError, Unavailable
from manyhands.measure.resources import reap
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.record import Record, read_records
from manyhands.run import RunContext, measure, refusal
from manyhands.workloads.base import Arrays

# --- Java, refusals, words: nothing is started -------------------------------------------------------------------------


def fake_java(folder: Path, prints: str) -> Path:
    """A folder like JAVA_HOME whose `java -version` prints that."""
    command = folder / "bin" / "java"
    command.parent.mkdir(parents=True)
    command.write_text("#!/bin/sh\n" + "".join(f"echo '{line}' >&2\n" for line in prints.splitlines()))
    command.chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("prints", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15', 17),
        ('openjdk version "25" 2025-09-16', 25),
        ('java version "1.8.0_292"', 8),
        ('Picked up JDK_JAVA_OPTIONS: -Xmx1g\nopenjdk version "21.0.2" 2024-01-16', 21),
        ("no such thing", None),
    ],
)
def test_java_tells_its_version(tmp_path: Path, prints: str, version: int | None) -> None:
    assert java_version(str(fake_java(tmp_path / "java", prints) / "bin" / "java")) == version


def test_java_that_is_asked_for_its_version_gets_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = fake_java(tmp_path, 'openjdk version "17.0.15"') / "bin" / "java"
    with command.open("a") as script:
        script.write(f"env > {tmp_path / 'seen'}\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert java_version(str(command)) == 17
    seen = (tmp_path / "seen").read_text()
    assert "AWS_REGION=eu-west-1" in seen
    assert "AWS_SECRET_ACCESS_KEY" not in seen


def test_java_that_is_too_old_or_missing_is_unavailable_and_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", 'openjdk version "11.0.2"')))
    with pytest.raises(Unavailable, match=r"is Java 11: apt-get install openjdk-17-jre-headless, or set JAVA_HOME"):
        require_java()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "nothing"))
    with pytest.raises(Unavailable, match=r"nothing/bin/java \(JAVA_HOME\) is not Java: apt-get install"):
        require_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="found no Java on PATH: apt-get install"):
        require_java()
    monkeypatch.setenv("PATH", str(fake_java(tmp_path / "new", 'openjdk version "21.0.2"') / "bin"))
    require_java()


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (RunSpec(workload="mlp", backend="spark", workers=2, nodes=2), "not from --nodes"),
        (RunSpec(workload="mlp", backend="spark", address="10.0.0.1:7077"), "joins a standalone master"),
        (RunSpec(workload="mlp", backend="spark-local", address="spark://10.0.0.1:7077"), "trains on the driver alone"),
        (RunSpec(workload="mlp", backend="spark", prepare="spark"), "prepares only stocks, and mlp trains on mnist"),
    ],
)
def test_what_can_never_run_is_refused_in_words(spec: RunSpec, reason: str) -> None:
    assert reason in str(backend_class(spec.backend).refuse(spec))


@pytest.mark.usefixtures("torch")
def test_other_backends_prepare_plainly_only() -> None:
    assert refusal(RunSpec(workload="lstm", backend="serial", prepare="spark")) == "serial offers no --windows-by spark"


@pytest.mark.parametrize(
    ("printed", "told", "error"),
    [
        (
            ["[rank0]: RuntimeError: Connection closed by peer", "[rank1]: manyhands.errors.DataError: f.csv: empty; mend it"],
            "RuntimeError: TorchDistributor failed during training.",
            DataError("f.csv: empty; mend it"),
        ),
        (
            ["RuntimeError: Connection closed by peer", "  traceback : Signal 9 (SIGKILL) received by PID 41"],
            "RuntimeError: TorchDistributor failed during training.",
            EngineError("spark lost a worker: its process (pid 41) was killed by SIGKILL"),
        ),
        (
            ["  traceback : Signal 15 (SIGTERM) received by PID 41"],
            "Job aborted\nCaused by: SparkException: Python worker exited unexpectedly (crashed)",
            EngineError("spark lost a worker: the Python process of a Spark task ended unexpectedly; perhaps it was killed"),
        ),
        (
            ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'manyhands'"],
            "An error occurred while calling o1: SparkException: x",
            EngineError("spark: ModuleNotFoundError: No module named 'manyhands'"),
        ),
        (
            ["Traceback (most recent call last):", "[rank1]: ValueError: too narrow"],
            "RuntimeError: TorchDistributor failed during training.",
            EngineError("spark worker 1 failed: ValueError: too narrow"),
        ),
        (
            ["[rank0]: KeyboardInterrupt", "[rank1]: RuntimeError: [pair.cc:553] Connection closed by peer [127.0.0.1]:8914"],
            "RuntimeError: TorchDistributor failed during training.",
            EngineError("spark worker 0 was interrupted by SIGINT"),
        ),
        (
            [
                "[rank0]: RuntimeError: [pair.cc:553] Connection closed by peer [127.0.0.1]:8914",
                "[rank1]: ValueError: too narrow",
            ],
            "RuntimeError: TorchDistributor failed during training.",
            EngineError("spark worker 1 failed: ValueError: too narrow"),
        ),
        (
            ["[rank1]: RuntimeError: [pair.cc:553] Connection closed by peer [127.0.0.1]:8914"],
            "Job aborted",
            EngineError("spark lost a worker: its process, or torchrun, which starts it, was killed or crashed"),
        ),
        (
            [],
            "TorchDistributor failed during training.View stdout logs for detailed error message.",
            EngineError("spark lost a worker: its process, or torchrun, which starts it, was killed or crashed"),
        ),
        (
            ["E1127 13:37:36 16571 torch/api.py:1002] failed (exitcode: 3) local_rank: 0 (pid: 16592) of binary: python"],
            "TorchDistributor failed during training.View stdout logs for detailed error message.",
            EngineError("spark lost a worker: its process (pid 16592) ended with exit code 3"),
        ),
        ([], "something else\nmore", EngineError("spark: something else")),
        (
            [],
            "An error occurred while calling o61.run.\n: org.apache.spark.SparkException: Job aborted due to stage failure: Task 0\n"
            "\tat org.apache.spark.x\nCaused by: java.io.IOException: No space left on device\n\t... 1 more",
            EngineError("spark: java.io.IOException: No space left on device"),
        ),
        (
            [],
            "Job aborted\nExecutorLostFailure (executor 1 exited unrelated to the running tasks) Reason: worker lost: silent",
            EngineError("spark lost a worker: executor 1 on beta: worker lost: silent"),
        ),
    ],
)
def test_reason_of_a_failure_is_found_in_what_was_printed(printed: list[str], told: str, error: Exception) -> None:
    found = failure(RuntimeError(told), printed, {"1": "beta"})
    assert (type(found), str(found)) == (type(error), str(error))


CRASHED = "12:00:01 ERROR Executor: Exception in task 0.0\norg.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\n"
LOST = "spark lost a worker: the Python process of a Spark task ended unexpectedly; perhaps it was killed"


def test_a_worker_that_java_lost_is_the_reason_of_a_driver_that_ended_without_one(tmp_path: Path) -> None:
    assert Spark.end_in_logs(tmp_path) is None
    (tmp_path / JAVA_LOG).write_text("12:00:00 ERROR Utils: Aborting task\n")
    assert Spark.end_in_logs(tmp_path) is None
    (tmp_path / JAVA_LOG).write_text(CRASHED)
    assert Spark.end_in_logs(tmp_path) == LOST


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("xgboost.core.XGBoostError: Connection reset by peer", LOST),
        ("manyhands.errors.DataError: f.csv: empty; mend it", "f.csv: empty; mend it"),
    ],
)
def test_a_worker_that_java_lost_is_the_reason_of_what_the_others_raise_but_of_their_own_errors(told: str, reason: str) -> None:
    assert str(failure(RuntimeError(told), [], logged=CRASHED)) == reason


def test_java_that_is_still_ending_is_the_reason_why_spark_was_shut_down(tmp_path: Path) -> None:
    command = tmp_path / "java"
    command.write_text("#!/bin/sh\nsleep 1\nexit 143\n")
    command.chmod(0o755)
    java = subprocess.Popen([command])
    wait_until(lambda: psutil.Process(java.pid).name() == "java")
    assert java_ended(RuntimeError("Connection refused")) is None
    found = java_ended(RuntimeError("spark: SparkException: Job 0 cancelled because SparkContext was shut down"))
    assert str(found) == f"Spark's process on this machine, java (pid {java.pid}) ended with exit code 143, as after SIGTERM"
    assert java.wait() == 143


def test_arrays_come_back_as_they_were_written(tmp_path: Path) -> None:
    rows = np.arange(6, dtype=np.float32)
    arrays = Arrays(rows.reshape(2, 3), rows[:2], rows.reshape(1, 6), rows[:1], "here", {"mean": rows.astype(np.float64)})
    write_arrays(tmp_path / "a.npz", arrays)
    read = read_arrays(tmp_path / "a.npz")
    assert read.source == "here"
    assert read.extra["mean"].dtype == np.float64
    for name in ("x_train", "y_train", "x_test", "y_test"):
        np.testing.assert_array_equal(getattr(read, name), getattr(arrays, name))


def test_file_that_spark_sent_is_found_in_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    elsewhere = Path("/nowhere/rows.npz")
    with pytest.raises(DataError, match=r"did not receive rows\.npz"):
        find_file(elsewhere)
    (tmp_path / "rows.npz").touch()
    assert find_file(elsewhere) == Path("rows.npz")


WORKER = """
import json, sys
from manyhands.backends.spark.worker import write_reports

write_reports({"spec": json.loads(sys.argv[1]), "sent": {}}, sys.argv[2])
"""


@pytest.mark.slow
def test_only_rank_0_of_local_mode_writes_reports_whichever_worker_ends_last(tmp_path: Path, torch: Any) -> None:
    """Each worker has a path of its own here: a worker that writes none cannot write over the reports of rank 0 either."""
    spec = small_spec("spark-local", workload="collective", batch="per-worker", settings={"largest": 10}, samples=None)
    group = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
    paths = [tmp_path / f"{rank}.json" for rank in (0, 1)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, json.dumps(asdict(spec)), str(path)],
            env=os.environ | group | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank, path in enumerate(paths)
    ]
    assert [process.wait(120) for process in workers] == [0, 0]
    assert [report["rank"] for report in json.loads(paths[0].read_text())] == [0, 1]
    assert not paths[1].exists()


def test_interface_towards_loopback_is_that_of_loopback() -> None:
    name = interface_towards("127.0.0.1")
    assert "127.0.0.1" in [entry.address for entry in psutil.net_if_addrs()[name]]


needs_spark = pytest.mark.skipif(find_spec("pyspark") is None, reason="needs pyspark: pip install 'manyhands[spark]'")


# --- runs of their own session ------------------------------------------------------------------------------------------


def in_python(script: str, *arguments: str) -> str:
    """The last line that the script prints, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.slow
@needs_spark
def test_prepared_by_spark_trains_alike_with_the_threads_asked_for_and_only_loopback_listens(tmp_path: Path) -> None:
    settings = {"dropout": 0.0, "window": 10, "hidden": 8}
    shape = {"workload": "lstm", "workers": 2, "threads": 2, "samples": 512, "settings": settings, "timeout_s": 200}
    spec = RunSpec(backend="spark", prepare="spark", **shape)
    trees = small_spec("spark", workload="xgboost", batch="per-worker", threads=2, samples=2000, settings={"rounds": 2})
    with listening() as heard:

        def ended(records: Sequence[Record]) -> None:
            if len(records) == 1:
                heard.clear()  # XGBoost's workers listened on every interface while they trained

        boosted, spark = in_one_engine([trees, spec], tmp_path, ended)
    assert [set(worker["threads"].values()) for worker in boosted.per_worker] == [{2}, {2}]
    assert len({worker["pid"] for worker in boosted.per_worker}) == 2
    assert {address.removeprefix("::ffff:") for address in heard} == {"127.0.0.1"}
    ddp = measure(RunSpec(backend="ddp", **shape), RunContext(log_folder=tmp_path))
    assert spark.init_sha256 == ddp.init_sha256
    assert [epoch["loss"] for epoch in spark.history] == pytest.approx([epoch["loss"] for epoch in ddp.history], abs=1e-4)
    assert [worker["rows_sha256"] for worker in spark.per_worker] == [worker["rows_sha256"] for worker in ddp.per_worker]
    assert [worker["threads"]["torch"] for worker in spark.per_worker] == [2, 2]
    assert 0 < spark.resolved["prepare_s"] < spark.phases["load_s"]
    assert sum(seconds or 0 for seconds in spark.phases.values()) == pytest.approx(spark.wall_s, rel=0.02)


@pytest.mark.slow
@needs_spark
@pytest.mark.parametrize(
    ("victim", "words"),
    [
        ("train.py", "was killed by SIGKILL"),
        ("pyspark.daemon", "the Python process of a Spark task ended unexpectedly"),
    ],
)
def test_killed_worker_is_a_failed_record_in_words(tmp_path: Path, victim: str, words: str) -> None:
    def choose() -> psutil.Process:
        # Each task runs in a fork of the daemon: the last one is a task, not the daemon itself.
        return ranks_in_training(tmp_path)[-1] if victim == "train.py" else descendants(victim)[-1]

    with killing(choose, ready=lambda: training(tmp_path)) as killed:
        record = measure(endless_spec("spark", tmp_path, timeout_s=500), RunContext(log_folder=tmp_path / "logs"))
    assert record.status == "failed"
    assert words in str(record.reason)
    assert killed.ended_after_s < 120
    assert not [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
@needs_spark
def test_gpu_for_each_task_is_asked_for_and_missed_in_words() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this host has a GPU")
    record = measure(RunSpec(workload="lstm", backend="spark", workers=2, device="cuda", timeout_s=200), RunContext())
    assert (record.status, record.reason) == (
        "skipped",
        "--device cuda needs a GPU for each worker; this host has 0: use --device cpu",
    )


# --- a cluster that runs already ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A standalone master and a worker of four cores, on loopback; it must outlive every run."""
    import pyspark

    folder = tmp_path_factory.mktemp("cluster")
    spark_class = Path(str(pyspark.__file__)).parent / "bin" / "spark-class"
    address = f"spark://127.0.0.1:{free_port()}"
    own = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(folder), "SPARK_DAEMON_MEMORY": "256m"}
    # Executors start as quickly as all Javas of the tests, see quick_java.
    environment = os.environ | own | {"JAVA_TOOL_OPTIONS": os.environ["SPARK_SUBMIT_OPTS"]}
    processes: list[subprocess.Popen[bytes]] = []

    def start(name: str, kind: str, *arguments: str) -> tuple[Path, subprocess.Popen[bytes]]:
        log = folder / f"{name}.log"
        command = [str(spark_class), f"org.apache.spark.deploy.{kind}", "--host", "127.0.0.1", "--webui-port", "0", *arguments]
        with log.open("wb") as file:
            processes.append(subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT, cwd=folder))
        return log, processes[-1]

    try:
        log, master = start("master", "master.Master", "--port", address.rpartition(":")[2])
        wait_for_line("I have been elected leader", log, master)
        size = ("--cores", "4", "--memory", "4g", "--work-dir", str(folder / "work"))
        log, worker = start("worker", "worker.Worker", *size, address)
        wait_for_line("Successfully registered with master", log, worker)
        yield address
        assert [process.poll() for process in processes] == [None, None]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


SETTLED_S = 1.0
"""Without a process of a run for this long, a cluster has cleared it away."""


def run_at(address: str, folder: Path, *options: str) -> tuple[Record, float]:
    """The record of a run as a guest, and its seconds; in a process apart, so that the cluster is none of its own."""
    command = [sys.executable, "-m", "manyhands", "run", *options, "--backend", "spark", "--address", address, "--repeats", "1"]
    out = folder / "records.jsonl"
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    began = time.monotonic()
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False, timeout=400)
    seconds = time.monotonic() - began
    assert out.exists(), done.stderr
    # What the cluster's workers started for us ends a moment after us, and is then collected here; then they start `rm`.
    alone_since = time.monotonic()
    while time.monotonic() - alone_since < SETTLED_S:
        if {process.pid for process in psutil.Process().children(recursive=True)} - before:
            assert time.monotonic() - began - seconds < 60
            reap(before)
            alone_since = time.monotonic()
        time.sleep(0.1)
    return read_records(out)[-1], seconds


@pytest.mark.slow
@needs_spark
def test_guest_of_a_cluster_trains_and_leaves_it_running(cluster: str, tmp_path: Path) -> None:
    small = ("--samples", "512", "--set", "window=10", "--set", "hidden=8")
    record, _ = run_at(cluster, tmp_path, "lstm", "--workers", "2", "--threads", "2", *small, "--windows-by", "spark")
    assert record.ok, record.reason
    assert "ended_by_force" not in record.resources
    assert record.resolved["prepare"] == "spark"
    assert record.resolved["world_size"] == 2
    assert [worker["threads"]["torch"] for worker in record.per_worker] == [2, 2]
    with socket.create_connection(("127.0.0.1", int(cluster.rpartition(":")[2])), timeout=5):
        pass


@pytest.mark.slow
@needs_spark
def test_more_workers_than_slots_are_refused_before_the_barrier(cluster: str, tmp_path: Path) -> None:
    record, seconds = run_at(
        cluster, tmp_path, "lstm", "--workers", "3", "--threads", "2", "--batch-size", "60", "--samples", "512"
    )
    assert record.status == "skipped"
    assert "gave 2 of the 3 slots asked for (cores in each: 2)" in str(record.reason)
    assert seconds < 300


@pytest.mark.slow
@needs_spark
def test_address_where_nothing_listens_is_skipped_in_words(tmp_path: Path) -> None:
    address = f"spark://127.0.0.1:{free_port()}"
    record, seconds = run_at(address, tmp_path, "lstm", "--workers", "2", "--samples", "512")
    assert record.status == "skipped"
    assert str(record.reason).startswith(f"no Spark master answers at {address}")
    assert seconds < 120


@pytest.mark.slow
@needs_spark
def test_address_where_something_else_listens_is_given_up_in_words(tmp_path: Path) -> None:
    script = f"""
import sys
from pathlib import Path
from manyhands.backends.spark import existing, session
from manyhands.errors import Unavailable
from manyhands.plan import RunSpec

existing.REGISTER_S = 3
try:
    session.start_session(RunSpec(workload="lstm", backend="spark", address=sys.argv[1]), Path({str(tmp_path)!r}))
except Unavailable as error:
    print(error)
finally:
    session.stop_session()
"""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"spark://127.0.0.1:{silent.getsockname()[1]}"
        assert in_python(script, address) == (
            f"the master at {address} did not register this run within 3 s; check --address and its Spark version"
        )
