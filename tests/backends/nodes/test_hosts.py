"""Runs over several hosts: network namespaces with an address and a name each, engines on two of them, the driver on a third."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import MARKING, measured, training, wait_until
from hosts import Host, missing, network

from manyhands.data.make import make_set
from manyhands.plan import RunSpec
from manyhands.record import Record, read_records

pytestmark = pytest.mark.slow
NODES = ("ddp", "fabric-ddp")
PATIENCE_S = 240
RAY = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}


@pytest.fixture(autouse=True)
def _network_can_be_made(torch: Any) -> None:
    if reason := missing():
        pytest.skip(reason)


@pytest.fixture
def hosts() -> Iterator[list[Host]]:
    """alpha, beta and gamma."""
    with network("alpha", "beta", "gamma") as made:
        yield made


def words(backend: str, *options: str) -> list[str]:
    """A small run with two workers; of `mlp` unless the options name another workload."""
    workload = [] if "--workload" in options else ["mlp"]
    run = [sys.executable, "-m", "manyhands", "run", *workload, "--backend", backend, "--workers", "2", "--samples", "1024"]
    return [*run, "--repeats", "1", "--timeout", str(PATIENCE_S), *options]


def endless(folder: Path) -> list[str]:
    """The options of a run that does not end by itself; `training(folder)` shows when it has begun."""
    return ["--workload", MARKING, "--set", f"marks={folder}", "--epochs", "10000"]


def is_training(process: psutil.Process) -> bool:
    """True when the process has loaded torch and uses a processor."""
    with suppress(psutil.Error):
        return any("libtorch_cpu" in mapped.path for mapped in process.memory_maps()) and process.cpu_percent(0.3) > 20
    return False


def seconds_since_an_epoch(marks: Path) -> float:
    """The time since a rank of `MARKING` began an epoch; it begins one every second or two."""
    return time.time() - max(mark.stat().st_mtime for mark in marks.glob("rank-*"))


def is_worker(process: psutil.Process) -> bool:
    return any(word.startswith("manyhands.backends.") and word.endswith(".worker") for word in process.cmdline())


def start_nodes(
    backend: str, hosts: list[Host], folder: Path, *options: str, hidden: Path | None = None
) -> list[subprocess.Popen[bytes]]:
    """The same command on alpha and on beta; `hidden` is empty on beta."""
    asked = words(backend, *options, "--nodes", "2", "--address", "alpha:29500")
    return [
        host.start(
            [*asked, "--node-rank", str(number), "--out", str(folder / ("helper.jsonl" if number else "records.jsonl"))],
            folder / f"{host.name}.log",
            hidden=hidden if number else None,
        )
        for number, host in enumerate(hosts[:2])
    ]


def only_record(folder: Path) -> Record:
    (record,) = read_records(folder / "records.jsonl")
    return record


def start_dask(hosts: list[Host], folder: Path) -> str:
    """A scheduler and two workers; the digits in `folder` are hidden from the one on beta."""
    make_set("mnist", folder / HIDDEN)
    alpha, beta = hosts[:2]
    dask = [sys.executable, "-m", "dask"]
    own = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "15s"}  # a lost worker is found after this long, not after 30 s
    alpha.start([*dask, "scheduler", "--host", alpha.address, "--port", "8786", "--no-dashboard"], folder / "scheduler.log", own)
    for host in (alpha, beta):
        worker = [*dask, "worker", f"tcp://{alpha.address}:8786", "--nthreads", "1", "--host", host.address, "--no-dashboard"]
        host.start(
            [*worker, "--local-directory", str(folder / host.name)],
            folder / f"worker-{host.name}.log",
            hidden=folder / HIDDEN if host is beta else None,
        )
        wait_until(lambda host=host: b"Registered to" in (folder / f"worker-{host.name}.log").read_bytes(), "no Dask worker")  # type: ignore[misc]
    return f"tcp://{alpha.address}:8786"


def start_spark(hosts: list[Host], folder: Path) -> str:
    import pyspark

    alpha, beta = hosts[:2]
    spark = str(Path(pyspark.__file__).parent / "bin" / "spark-class")
    own = {"SPARK_LOCAL_DIRS": str(folder), "SPARK_WORKER_DIR": str(folder / "work"), "PYSPARK_PYTHON": sys.executable}
    own |= {
        "JAVA_TOOL_OPTIONS": os.environ[
            "SPARK_SUBMIT_OPTS"
        ],  # executors start as quickly as all Javas of the tests, see quick_java
        # A lost worker is found in 10 to 20 s, not in one or two minutes: it beats every 2.5 s.
        "SPARK_DAEMON_JAVA_OPTS": f"{os.environ['SPARK_DAEMON_JAVA_OPTS']} -Dspark.worker.timeout=10",
    }
    master = [spark, "org.apache.spark.deploy.master.Master", "--host", alpha.address, "--port", "7077", "--webui-port", "0"]
    alpha.start(master, folder / "master.log", own | {"SPARK_LOCAL_IP": alpha.address})
    wait_until(lambda: b"New state: ALIVE" in (folder / "master.log").read_bytes(), "no Spark master")
    for host in (alpha, beta):
        worker = [spark, "org.apache.spark.deploy.worker.Worker", "--host", host.address, "--webui-port", "0", "--cores", "1"]
        log = folder / f"worker-{host.name}.log"
        command = [*worker, "--memory", "1g", f"spark://{alpha.address}:7077"]
        host.start(command, log, own | {"SPARK_LOCAL_IP": host.address}, folder / HIDDEN if host is beta else None)
        wait_until(lambda log=log: b"Successfully registered" in log.read_bytes(), "no Spark worker")  # type: ignore[misc]
    return f"spark://{alpha.address}:7077"


def start_ray(hosts: list[Host], folder: Path) -> str:
    alpha, beta = hosts[:2]
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1", f"--object-store-memory={10**8}"]
    own = RAY | {"RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "60", "GRPC_ENABLE_FORK_SUPPORT": "0"}
    own |= {
        "RAY_worker_niceness": "0",  # by default all other tests would come first
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "3000",
        "RAY_health_check_failure_threshold": "3",
    }  # a lost node is found in 12 s, not in 60
    head = ["--head", "--port", "6379", "--ray-client-server-port", "10001", "--include-dashboard=false", "--no-monitor"]
    for host, more in ((alpha, [*head, f"--temp-dir={folder}"]), (beta, ["--address", f"{alpha.address}:6379"])):
        log = folder / f"{host.name}.log"
        host.start([*start, "--node-ip-address", host.address, *more], log, own, folder / HIDDEN if host is beta else None)
        wait_until(lambda log=log: b"Ray runtime started" in log.read_bytes(), "no Ray node")  # type: ignore[misc]
    return f"ray://{alpha.address}:10001"


HIDDEN = "data"
"""The folder of an engine's room that only alpha and gamma see: it has the digits, and the training of a user."""
OWN = Path(__file__).parents[1] / "functions" / "own_training"
ENGINES = {"dask": (start_dask, "distributed"), "spark": (start_spark, "pyspark"), "ray": (start_ray, "grpc")}
"""How each is started, and the library without which it cannot be."""


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a path so short that Ray's sockets fit into it."""
    folder = Path("/tmp", f"mh-{tmp_path_factory.getbasetemp().name}-{time.time_ns() % 10**9}")
    folder.mkdir()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def run_from(host: Host, backend: str, address: str, folder: Path, *options: str) -> subprocess.Popen[bytes]:
    out = ["--address", address, "--out", str(folder / "records.jsonl")]
    return host.start([*words(backend, *options), *out], folder / "run.log", RAY)


def left(hosts: list[Host]) -> list[str]:
    """The command lines of what still runs on the hosts."""
    return [" ".join(process.cmdline()) for host in hosts for process in host.processes()]


@pytest.mark.parametrize("backend", NODES)
def test_two_nodes_train_as_one_run_that_names_its_hosts(backend: str, hosts: list[Host], tmp_path: Path) -> None:
    nodes = start_nodes(backend, hosts, tmp_path)
    assert [node.wait(PATIENCE_S) for node in nodes] == [0, 0], (tmp_path / "alpha.log").read_text()
    record = only_record(tmp_path)
    assert record.ok, record.reason
    assert [(worker["rank"], worker["host"]) for worker in record.per_worker] == [(0, "alpha"), (1, "beta")]
    assert record.machine["host"] == "alpha"
    assert not (tmp_path / "helper.jsonl").exists(), "node 0 writes the record"
    beta = record.per_worker[1]
    assert record.resources["elsewhere"]["workers"] == 1
    assert record.resources["elsewhere"]["cpu_s"] == beta["cpu_user_s"] + beta["cpu_system_s"] > 0
    assert record.resources["cpu_s"] > record.resources["elsewhere"]["cpu_s"]
    assert sum(seconds for seconds in record.phases.values() if seconds is not None) == pytest.approx(record.wall_s, rel=0.02)
    assert "node 1 of 2 is done" in (tmp_path / "beta.log").read_text()
    assert not left(hosts)


def test_node_that_goes_away_is_named_and_nothing_goes_on(hosts: list[Host], tmp_path: Path) -> None:
    beta = hosts[1]
    nodes = start_nodes("ddp", hosts, tmp_path, *endless(tmp_path))
    wait_until(lambda: training(tmp_path), "nothing trains")
    beta.go_away()
    assert nodes[0].wait(60) == 1
    record = only_record(tmp_path)
    assert record.status == "failed"
    assert "ddp worker 1 is lost: it sent no heartbeat for 15 s (on beta)" in str(record.reason)
    assert not left(hosts)


def test_node_that_loses_node_zero_ends_by_itself(hosts: list[Host], tmp_path: Path) -> None:
    alpha = hosts[0]
    nodes = start_nodes("fabric-ddp", hosts, tmp_path, *endless(tmp_path))
    wait_until(lambda: training(tmp_path), "nothing trains")
    alpha.go_away()
    assert nodes[1].wait(60) == 1
    assert "fabric-ddp worker 1 lost worker 0: no answer for 15 s (on beta)" in (tmp_path / "beta.log").read_text()
    assert not left(hosts)


@pytest.mark.parametrize("backend", NODES)
def test_worker_killed_on_another_node_is_the_one_that_is_named(backend: str, hosts: list[Host], tmp_path: Path) -> None:
    beta = hosts[1]
    nodes = start_nodes(backend, hosts, tmp_path, *endless(tmp_path))
    wait_until(lambda: training(tmp_path), "nothing trains")
    (worker,) = [process for process in beta.processes() if is_worker(process)]
    worker.kill()
    assert [node.wait(60) for node in nodes] == [1, 1]
    reason = str(only_record(tmp_path).reason)
    assert f"(pid {worker.pid}) was killed by SIGKILL (on beta)" in reason
    assert not left(hosts)


def test_worker_killed_before_it_has_met_the_others_is_named_too(hosts: list[Host], tmp_path: Path) -> None:
    nodes = start_nodes("ddp", hosts, tmp_path, *endless(tmp_path))
    wait_until(lambda: any(is_worker(process) for process in hosts[1].processes()), "no worker")
    (worker,) = [process for process in hosts[1].processes() if is_worker(process)]
    worker.kill()
    assert [node.wait(60) for node in nodes] == [1, 1]
    assert f"ddp worker 1 (pid {worker.pid}) was killed by SIGKILL (on beta)" in str(only_record(tmp_path).reason)
    assert not left(hosts)


def test_error_of_data_that_one_node_does_not_see_names_host_and_path(hosts: list[Host], tmp_path: Path) -> None:
    folder = tmp_path / "data"
    make_set("mnist", folder)
    nodes = start_nodes("ddp", hosts, tmp_path, "--data-dir", str(folder), hidden=folder / "mnist")
    assert [node.wait(60) for node in nodes] == [1, 1]
    reason = str(only_record(tmp_path).reason)
    assert f"no file {folder / 'mnist'}" in reason
    assert "(on beta)" in reason
    assert reason.removesuffix(" (on beta)") in (tmp_path / "beta.log").read_text()


def test_node_that_never_connects_is_named(hosts: list[Host], tmp_path: Path) -> None:
    asked = [*words("ddp", "--nodes", "2", "--address", "alpha:29500", "--node-rank", "0"), "--timeout", "8"]
    node = hosts[0].start([*asked, "--out", str(tmp_path / "records.jsonl")], tmp_path / "alpha.log")
    assert node.wait(60) == 1
    assert "node 1 of 2 did not connect to alpha:29500 in time" in str(only_record(tmp_path).reason)


def error_of_data_that_one_worker_does_not_see_names_host_and_path(hosts: list[Host], room: Path, address: str) -> None:
    run = run_from(hosts[2], "dask", address, room, "--data-dir", str(room / "data"))
    assert run.wait(PATIENCE_S) == 1
    reason = str(only_record(room).reason)
    assert f"no file {room / 'data' / 'mnist'}" in reason
    assert "(on beta)" in reason
    (room / "records.jsonl").unlink()


def learns_what_serial_learns(record: Record, room: Path) -> None:
    alone = measured(RunSpec.from_dict(dict(record.spec) | {"backend": "serial", "workers": 1, "address": None}), room)
    assert record.init_sha256 == alone.init_sha256
    assert [epoch["loss"] for epoch in record.history] == pytest.approx([epoch["loss"] for epoch in alone.history], abs=1e-4)


@pytest.mark.parametrize("backend", list(ENGINES))
def test_engine_on_two_hosts_is_driven_from_a_third_until_one_of_them_goes_away(
    backend: str, hosts: list[Host], room: Path
) -> None:
    start, library = ENGINES[backend]
    if find_spec(library) is None:
        pytest.skip(f"needs {library}: pip install 'manyhands[{backend}]'")
    shutil.copytree(OWN, room / HIDDEN / "own", ignore=shutil.ignore_patterns("__pycache__"))
    address = start(hosts, room)
    before = {process.pid for process in hosts[1].processes()}
    run = run_from(hosts[2], backend, address, room, "--workload", f"{room / HIDDEN}/own/train.py:full", "--samples", "256")
    assert run.wait(PATIENCE_S) == 0, (room / "run.log").read_text()[-2000:]
    record = only_record(room)
    assert record.ok, record.reason
    assert record.machine["host"] == "gamma"
    assert list(record.code["files"]) == ["rows.py", "train.py"], "also the worker that does not see them has trained with them"
    assert sorted(worker["host"] for worker in record.per_worker) == ["alpha", "beta"]
    learns_what_serial_learns(record, room)
    assert record.resources["elsewhere"]["workers"] == 2
    assert record.resources["cpu_s"] > record.resources["elsewhere"]["cpu_s"] > 0
    assert sum(seconds for seconds in record.phases.values() if seconds is not None) == pytest.approx(record.wall_s, rel=0.02)
    assert not hosts[2].processes()
    assert before <= {process.pid for process in hosts[1].processes()}, "the engine was ended"

    (room / "records.jsonl").unlink()
    if backend == "dask":
        error_of_data_that_one_worker_does_not_see_names_host_and_path(hosts, room, address)
    run = run_from(hosts[2], backend, address, room, *endless(room))
    wait_until(lambda: training(room), "nothing trains")
    hosts[1].go_away()
    assert run.wait(150) == 1
    record = only_record(room)
    assert record.status == "failed"
    assert "worker" in str(record.reason)
    assert hosts[1].address in str(record.reason)
    assert not hosts[2].processes()
    wait_until(lambda: not any(is_training(process) for process in hosts[0].processes()), "a worker goes on", 30)
    wait_until(lambda: seconds_since_an_epoch(room) > 10, "a worker goes on", 60)
