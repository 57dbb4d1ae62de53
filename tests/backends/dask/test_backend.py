"""`dask`: what is its own, beyond the contract: existing schedulers, lost workers, which error is told, ports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import descendants, kill_when_busy, killing, run_as_user, skip_without, small_spec, wait_until

from manyhands.backends.dask.backend import DaskCluster
from manyhands.measure.resources import end_descendants
from manyhands.record import Record
from manyhands.run import Surroundings, measure

pytestmark = pytest.mark.slow

STATE = """
import json, os, sys
from distributed import Client

def state(dask_worker):
    import sys
    dist = sys.modules.get("torch.distributed")
    variables = {name: value for name, value in os.environ.items() if "THREADS" in name or "GLOO" in name or "RANK" in name}
    return {
        "pid": os.getpid(),
        "group": bool(dist and dist.is_initialized()),
        "variables": variables,
        "listener": hasattr(dask_worker, "manyhands_listener"),
    }

with Client(sys.argv[1], timeout=60) as client:
    tasks = sum(len(keys) for keys in client.processing().values())
    print(json.dumps({"workers": list(client.run(state).values()), "tasks": tasks}))
"""


@pytest.fixture(autouse=True)
def installed() -> None:
    """Skips where Dask is missing, with the command that installs it."""
    skip_without(DaskCluster)


@dataclass(frozen=True)
class Scheduler:
    """A scheduler with two workers that somebody else has started."""

    address: str
    processes: tuple[subprocess.Popen[bytes], ...]

    def state(self) -> dict[str, Any]:
        """What its workers hold, asked by a client in another process."""
        said = subprocess.run([sys.executable, "-c", STATE, self.address], capture_output=True, text=True, check=True, timeout=60)
        return dict(json.loads(said.stdout))

    def trains(self) -> bool:
        """True once both workers are members of a run's process group."""
        state = self.state()
        return state["tasks"] == 2 and all(worker["group"] for worker in state["workers"])


@contextmanager
def started(folder: Path) -> Iterator[Scheduler]:
    """The commands `dask scheduler` and `dask worker`, on loopback."""
    file = folder / "scheduler.json"
    others = {child.pid for child in psutil.Process().children(recursive=True)}

    def start(command: str, *words: str) -> subprocess.Popen[bytes]:
        everything = [sys.executable, "-m", "dask", command, "--scheduler-file", str(file), "--no-dashboard", *words]
        return subprocess.Popen(everything, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
    words = ["--host", "127.0.0.1", "--nthreads", "1", "--local-directory", str(folder)]
    processes += [start("worker", *words) for _ in range(2)]
    try:
        wait_until(file.exists)
        found = Scheduler(json.loads(file.read_text())["address"], tuple(processes))
        wait_until(lambda: len(found.state()["workers"]) == 2)
        yield found
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(30)
        end_descendants(others)  # their helpers, which this process has adopted


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """A scheduler that several tests use and leave as they found it."""
    with started(tmp_path_factory.mktemp("scheduler")) as found:
        yield found


@pytest.fixture
def own_scheduler(tmp_path: Path) -> Iterator[Scheduler]:
    """A scheduler for a test that kills a part of it."""
    with started(tmp_path) as found:
        yield found


spec = partial(small_spec, "dask")
workers = partial(descendants, "spawn_main")


def run(scheduler: Scheduler, out: Path, *options: str) -> Record:
    """The record of a run as a guest of the scheduler."""
    return run_as_user(out, "rnn", "dask", "--samples", "512", "--address", scheduler.address, *options)


@pytest.mark.parametrize("count", [1, 2])
def test_killed_worker_is_named_in_seconds_and_the_others_go_with_it(tmp_path: Path, count: int) -> None:
    # Importing torch takes a worker about 2 s of its CPU time: with 4 s it trains, however busy the machine is.
    with kill_when_busy(workers, count=count, cpu_s=4) as killed:
        record = measure(spec(workload="mlp", samples=8192, epochs=100, workers=count), Surroundings(log_folder=tmp_path))
    assert record.status == "failed"
    assert "dask worker " in str(record.reason)
    assert "died while it trained" in str(record.reason)
    assert killed.ended_after_s < 10
    assert not workers()
    assert measure(spec(), Surroundings(log_folder=tmp_path)).ok


def test_existing_scheduler_is_used_twice_and_left_as_it_was(scheduler: Scheduler, tmp_path: Path) -> None:
    before = scheduler.state()
    out = tmp_path / "out.jsonl"
    for _ in range(2):
        record = run(scheduler, out, "--workers", "2")
        assert record.ok, record.reason
        assert {worker["pid"] for worker in record.per_worker} == {worker["pid"] for worker in before["workers"]}
        assert "ended_by_force" not in record.resources
        for worker in record.per_worker:
            assert set(worker["threads"].values()) == {1}, worker["threads"]
    assert scheduler.state() == before
    assert all(process.poll() is None for process in scheduler.processes)
    one = run(scheduler, out, "--workers", "1")
    assert one.ok, one.reason
    alone = measure(small_spec("serial", workers=1), Surroundings())
    assert one.history[0]["loss"] == pytest.approx(alone.history[0]["loss"], abs=1e-5)


def test_more_workers_than_the_scheduler_has_is_said_at_once(scheduler: Scheduler, tmp_path: Path) -> None:
    record = run(scheduler, tmp_path / "out.jsonl", "--workers", "4")
    assert record.status == "failed"
    assert "4 workers were asked for" in str(record.reason)
    assert "has 2" in str(record.reason)
    assert record.wall_s is not None
    assert record.wall_s < 10


def test_killed_worker_of_an_existing_scheduler_is_named_and_the_next_run_is_ok(own_scheduler: Scheduler, tmp_path: Path) -> None:
    scheduler = own_scheduler
    out = tmp_path / "out.jsonl"
    victim = psutil.Process(scheduler.state()["workers"][0]["pid"])
    with killing(lambda: victim, ready=scheduler.trains):
        record = run(scheduler, out, "--workers", "2", "--epochs", "500")
    assert record.status == "failed"
    assert "died while it trained" in str(record.reason)
    wait_until(lambda: len(scheduler.state()["workers"]) == 2, patience_s=60)
    wait_until(lambda: scheduler.state()["tasks"] == 0, patience_s=60)
    assert run(scheduler, out, "--workers", "2").ok


def test_tasks_of_a_run_that_was_ended_give_up(scheduler: Scheduler, tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    record = run(scheduler, out, "--workers", "2", "--epochs", "5000", "--timeout", "12")
    assert record.status == "failed"
    assert "not finished after the 12 s of --timeout" in str(record.reason)
    wait_until(lambda: not any(worker["group"] for worker in scheduler.state()["workers"]), patience_s=20)
    assert run(scheduler, out, "--workers", "2").ok


def test_scheduler_that_dies_is_a_failed_record(own_scheduler: Scheduler, tmp_path: Path) -> None:
    scheduler = own_scheduler
    victim = psutil.Process(scheduler.processes[0].pid)
    with killing(lambda: victim, ready=scheduler.trains):
        record = run(scheduler, tmp_path / "out.jsonl", "--workers", "2", "--epochs", "5000", "--timeout", "90")
    assert record.status == "failed"
    assert "--timeout" not in str(record.reason)
    assert "the scheduler ended" in str(record.reason)


def test_address_that_does_not_answer_is_a_skip_within_ten_seconds() -> None:
    record = measure(spec(address="tcp://127.0.0.1:1"), Surroundings())
    assert record.status == "skipped"
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in str(record.reason)
    assert record.wall_s is not None
    assert record.wall_s < 12


def test_something_that_is_no_address_is_told(tmp_path: Path) -> None:
    record = measure(spec(address="spark://127.0.0.1:7077"), Surroundings())
    assert record.status == "failed"
    assert "give tcp://HOST:PORT" in str(record.reason)
