"""`ray`: what is its own, beyond the contract: clusters that run already, lost workers, ports, files, room."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from shutil import rmtree

import psutil
import pytest
from engines import descendants, endless_spec, free_port, in_one_engine, kill_in_training, measured, small_spec, wait_for_line
from hosts import missing
from listening import listening

from manyhands.backends.ray.backend import RayTrain
from manyhands.backends.ray.existing import join, split_address
from manyhands.backends.ray.failure import first_sentence
from manyhands.backends.ray.local import short_path
from manyhands.errors import Unavailable, UsageError
from manyhands.measure.resources import end_descendants
from manyhands.parent import adopt_orphans
from manyhands.record import Record, read_records
from manyhands.run import RunContext, measure, refusal

WORKER = "ray::RayTrainWorker"
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray: pip install 'manyhands[ray]'")


spec = partial(small_spec, "ray")
WIDE = {"threads": 2, "oversubscribe": True}
"""Two threads for each of two workers, on any machine."""
SEARCH = small_spec(
    "ray",
    workload="search",
    samples=300,
    batch="per-worker",
    settings={"trees": 3, "depths": ("2", "5"), "leaves": ("1",)},
    **WIDE,
)
workers = partial(descendants, WORKER)


@contextmanager
def meanwhile(call: Callable[[threading.Event], None]) -> Iterator[None]:
    """Runs `call` beside the block; it ends when its argument is set."""
    done = threading.Event()
    thread = threading.Thread(target=call, args=(done,))
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_workers_come_from_rays_variable() -> None:
    assert RayTrain.default_workers({"RAY_NUM_WORKERS": "3"}) == 3
    assert RayTrain.default_workers({}) is None
    assert RayTrain.default_workers({"RAY_NUM_WORKERS": ""}) is None


@pytest.mark.parametrize("given", ["0", "two", "-1", "1.5"])
def test_wrong_number_of_workers_in_rays_variable_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=f"RAY_NUM_WORKERS={given} is not a whole number above 0"):
        RayTrain.default_workers({"RAY_NUM_WORKERS": given})


def test_address_is_split() -> None:
    assert split_address("127.0.0.1:6379") == ("127.0.0.1", 6379)
    assert split_address("ray://head.example:10001") == ("head.example", 10001)


@pytest.mark.parametrize("address", ["head", "head:port", "spark://head:7077", "head:70000", "ray://head", ""])
def test_what_is_no_address_of_ray_is_refused(address: str) -> None:
    with pytest.raises(UsageError, match="use auto, HOST:PORT or ray://HOST:PORT"):
        split_address(address)


def test_nodes_are_the_clusters() -> None:
    assert "not from --nodes" in str(RayTrain.refuse(spec(nodes=2)))


@pytest.mark.parametrize("scheme", ["", "ray://"])
def test_dead_address_is_unavailable_at_once(scheme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.backends.ray.existing.find_spec", lambda name: name)
    address = f"{scheme}127.0.0.1:{free_port()}"
    began = time.monotonic()
    with pytest.raises(Unavailable, match=f"no Ray cluster answers at {address}: Connection refused; start one"), join(address):
        pass
    assert time.monotonic() - began < 2


def test_long_folder_gets_a_short_name(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    with short_path(folder) as name:
        assert len(name) < 40
        (Path(name) / "file").touch()
    assert (folder / "file").exists()
    assert not Path(name).exists()
    with short_path(Path("/tmp")) as name:
        assert name == "/tmp"


def test_agent_that_ended_is_the_reason_in_the_logs(tmp_path: Path) -> None:
    assert RayTrain.end_in_logs(tmp_path) is None
    logs = tmp_path / "session_1" / "logs"
    logs.mkdir(parents=True)
    (logs / "raylet.err").write_text(
        "[E] The raylet exited immediately because one Ray agent failed, agent_name = dashboard_agent.\n"
    )
    assert str(RayTrain.end_in_logs(tmp_path)).startswith("ray's dashboard agent on this machine ended")


@needs_ray
@pytest.mark.slow
def test_local_engine_below_a_long_folder_listens_on_loopback_and_inherits_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 20)))
    os.mkdir(tempfile.gettempdir())
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    modes: set[str | None] = set()
    priorities: set[int] = set()
    actors: set[int] = set()

    def look(done: threading.Event) -> None:
        while not done.wait(0.2):
            for worker in workers():
                modes.add(worker.environ().get("RAY_AUTH_MODE"))
                priorities.add(worker.nice())
            actors.update(process.pid for process in descendants("ray::PoolActor"))

    with listening(0.2) as heard, meanwhile(look):
        record, search, alone = in_one_engine([spec(epochs=5, **WIDE), SEARCH, replace(SEARCH, workers=1)], tmp_path)
    assert heard <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}
    assert len(heard) > 1
    assert modes == {"token"}
    assert priorities == {psutil.Process().nice()}, "Ray's workers have the priority of the run, as those of other engines have"
    assert not list(home.iterdir())
    for worker in record.per_worker:
        assert set(worker["threads"].values()) == {2}
    assert record.resolved["strategy"] == record.resolved["model"] == "DistributedDataParallel"

    serial = measured(replace(SEARCH, backend="serial", workers=1, threads=1), tmp_path)
    assert search.resolved["strategy"] == "joblib ray"
    assert [set(worker["threads"].values()) for worker in search.per_worker] == [{2}, {2}]
    assert len({worker["pid"] for worker in search.per_worker}) == 2
    assert sum(worker["tasks"] for worker in search.per_worker) == search.resolved["fits"]
    for name in ("best_parameters", "best_score", "candidate_scores"):
        assert search.quality[name] == alone.quality[name] == serial.quality[name]
    (worker,) = alone.per_worker
    assert worker["pid"] in actors, "tasks of a single worker are an actor's too"


@needs_ray
@pytest.mark.slow
def test_killed_worker_is_a_failed_record_that_names_it(tmp_path: Path) -> None:
    with kill_in_training(workers, tmp_path, victim=1) as killed:
        record = measure(endless_spec("ray", tmp_path), RunContext(log_folder=tmp_path))
    assert record.status == "failed"
    assert record.reason is not None
    assert f"(pid {killed.pid}, on 127.0.0.1) died: its process was killed or crashed" in record.reason
    assert killed.ended_after_s < 100
    assert "ended_by_force" not in record.resources
    assert not workers()


@dataclass(frozen=True)
class Head:
    """A Ray cluster of one machine with two CPUs, on loopback."""

    port: int
    client_port: int
    token: str
    process: subprocess.Popen[bytes]

    def run(self, address: str, out: Path, *words: str, token: str | None = None) -> Record:
        """The record of a run in its own process: what this one starts must not look like a part of the run."""
        access = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": token or self.token}
        out.unlink(missing_ok=True)
        options = ["--backend", "ray", "--samples", "512", "--repeats", "1", "--oversubscribe", "--timeout", "300"]
        subprocess.run(
            [sys.executable, "-m", "manyhands", "run", "rnn", *options, "--address", address, "--out", str(out), *words],
            env=os.environ | access,
            stdout=subprocess.DEVNULL,
            timeout=350,
            check=False,
        )
        return read_records(out)[-1]


@pytest.fixture
def head() -> Iterator[Head]:
    """Started as a user would, but with everything on loopback and in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="mh-", dir="/tmp"))  # short, for Ray's sockets
    port, token = free_port(), secrets.token_hex(32)
    client_port = free_port() if find_spec("grpc") else 0
    words = [
        "start",
        "--head",
        "--block",
        "--node-ip-address=127.0.0.1",
        f"--port={port}",
        f"--temp-dir={folder}",
        "--num-cpus=2",
    ]
    words += [
        "--include-dashboard=false",
        "--no-monitor",
        f"--dashboard-agent-listen-port={free_port()}",
        f"--object-store-memory={10**8}",
    ]
    words += [f"--ray-client-server-port={client_port}"] if client_port else []
    own = {
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": token,
        "RAY_worker_niceness": "0",  # by default all other tests would come first
        "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "120",
        "GRPC_ENABLE_FORK_SUPPORT": "0",  # gRPC's handlers of a fork let the server of a client die now and then
    }
    adopt_orphans()
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", *words], env=os.environ | own, stdout=log, stderr=log, cwd=folder
        )
    try:
        wait_for_line("Ray runtime started", folder / "log", process)
        yield Head(port, client_port, token, process)
    finally:
        process.kill()  # asked to end, it takes half a minute
        process.wait()
        end_descendants(keep)
        rmtree(folder, ignore_errors=True)


@needs_ray
@pytest.mark.slow
def test_running_cluster_is_used_and_left_running(head: Head, tmp_path: Path) -> None:
    address = f"127.0.0.1:{head.port}"
    out = tmp_path / "records.jsonl"
    first = head.run(address, out, "--workers", "2")
    assert first.ok, first.reason
    assert [worker["rank"] for worker in first.per_worker] == [0, 1]
    assert first.per_worker[0]["threads"]["torch"] == 1

    crowded = head.run(address, out, "--workers", "3", "--batch-size", "63")
    assert crowded.status == "failed"
    assert crowded.reason is not None
    assert crowded.reason.startswith(
        "3 workers x 1 threads do not fit the Ray cluster, which has 2 CPUs on 1 machines: 2 workers at most"
    )

    locked = head.run(address, out, "--workers", "1", token=secrets.token_hex(32))
    assert locked.status == "skipped"
    assert "needs its token" in str(locked.reason)

    assert head.process.poll() is None
    if head.client_port and missing():  # else tests/backends/nodes/test_hosts.py has a client of Ray on one of its hosts
        client = head.run(f"ray://127.0.0.1:{head.client_port}", out, "--workers", "2")
        assert client.ok, client.reason
        assert client.init_sha256 == first.init_sha256
        assert [epoch["loss"] for epoch in client.history] == pytest.approx([epoch["loss"] for epoch in first.history], abs=1e-5)
    assert head.process.poll() is None


@needs_ray
def test_cell_is_not_refused_before_it_is_tried() -> None:
    assert refusal(spec(address="auto")) is None


def test_error_of_ray_client_is_found_below_its_heading_and_traceback() -> None:
    message = (
        "Initialization failure from server:\nTraceback (most recent call last):\n  File ...\nRuntimeError: No port. See the log"
    )
    assert first_sentence(ConnectionAbortedError(message)) == "Initialization failure from server: RuntimeError: No port"
    assert first_sentence(ValueError("No such thing. Try another.\nmore")) == "No such thing"
    assert first_sentence(ValueError()) == "ValueError"
