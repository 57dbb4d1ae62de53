"""`dask`: what is its own, beyond the contract: existing schedulers, lost workers, which error is told, ports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import (
    MARKING,
    descendants,
    endless_spec,
    kill_in_training,
    killing,
    run_as_user,
    skip_without,
    small_spec,
    training,
    wait_until,
)

from manyhands.backends.dask.backend import DaskCluster
from manyhands.measure.resources import end_descendants
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.run import RunContext, measure

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
    for question in sys.stdin:
        tasks = sum(len(keys) for keys in client.processing().values())
        print(json.dumps({"workers": list(client.run(state).values()), "tasks": tasks}), flush=True)
"""
"""Prints the state of the workers for each line that it reads, in a process of its own: its client is none of this process."""


@pytest.fixture(autouse=True)
def installed() -> None:
    """Skips where Dask is missing, with the command that installs it."""
    skip_without(DaskCluster)


@dataclass(frozen=True)
class Scheduler:
    """A scheduler with two workers that somebody else has started; each test leaves it as it was, and the last one kills it."""

    address: str
    processes: tuple[subprocess.Popen[bytes], ...]
    asked: subprocess.Popen[str]

    def state(self) -> dict[str, Any]:
        """What its workers hold."""
        assert self.asked.stdin
        assert self.asked.stdout
        print(file=self.asked.stdin, flush=True)
        if not (answer := self.asked.stdout.readline()):
            raise subprocess.SubprocessError(f"the client of {self.address} ended with {self.asked.wait()}")
        return dict(json.loads(answer))

    def trains(self) -> bool:
        """True once both workers are members of a run's process group."""
        state = self.state()
        return state["tasks"] == 2 and all(worker["group"] for worker in state["workers"])

    def end(self) -> None:
        """Ends all its processes."""
        self.asked.kill()
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(30)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scheduler]:
    """The commands `dask scheduler` and `dask worker`, on loopback."""
    folder = tmp_path_factory.mktemp("scheduler")
    file = folder / "scheduler.json"
    others = {child.pid for child in psutil.Process().children(recursive=True)}

    def start(command: str, *words: str) -> subprocess.Popen[bytes]:
        everything = [sys.executable, "-m", "dask", command, "--scheduler-file", str(file), "--no-dashboard", *words]
        return subprocess.Popen(everything, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    try:
        processes = [start("scheduler", "--host", "127.0.0.1", "--port", "0")]
        words = ["--host", "127.0.0.1", "--nthreads", "1", "--local-directory", str(folder)]
        processes += [start("worker", *words) for _ in range(2)]
        wait_until(file.exists)
        address = json.loads(file.read_text())["address"]
        command = [sys.executable, "-c", STATE, address]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(command, text=True, **pipes) as asked:
            found = Scheduler(address, tuple(processes), asked)
            try:
                wait_until(lambda: len(found.state()["workers"]) == 2)
                yield found
            finally:
                found.end()
    finally:
        end_descendants(others)  # their helpers, which this process has adopted


spec = partial(small_spec, "dask")
workers = partial(descendants, "spawn_main")


def run(scheduler: Scheduler, out: Path, *options: str, workload: str = "rnn") -> Record:
    """The record of a run as a guest of the scheduler."""
    return run_as_user(out, workload, "dask", "--samples", "512", "--address", scheduler.address, *options)


def run_endless(scheduler: Scheduler, folder: Path, *options: str) -> Record:
    """The record of a run of two workers as a guest of the scheduler; the workers train until the run is ended."""
    words = ["--workers", "2", "--epochs", "10000", "--set", f"marks={folder}"]
    return run(scheduler, folder / "out.jsonl", *words, *options, workload=MARKING)


def test_killed_worker_is_named_in_seconds_and_the_others_go_with_it_and_the_next_run_works(tmp_path: Path) -> None:
    for count in (2, 1):
        folder = tmp_path / str(count)
        folder.mkdir()
        with kill_in_training(workers, folder, ranks=count) as killed:
            record = measure(endless_spec("dask", folder, workers=count), RunContext(log_folder=tmp_path))
        assert record.status == "failed"
        assert "dask worker " in str(record.reason)
        assert "died while it trained" in str(record.reason)
        assert killed.ended_after_s < 60
        assert not workers()
    assert measure(spec(), RunContext(log_folder=tmp_path)).ok


def test_existing_scheduler_is_used_twice_and_left_as_it_was_even_by_a_run_that_was_ended(
    scheduler: Scheduler, tmp_path: Path
) -> None:
    before = scheduler.state()
    out = tmp_path / "out.jsonl"

    def used_by_two() -> None:
        record = run(scheduler, out, "--workers", "2")
        assert record.ok, record.reason
        assert {worker["pid"] for worker in record.per_worker} == {worker["pid"] for worker in before["workers"]}
        assert "ended_by_force" not in record.resources
        for worker in record.per_worker:
            assert set(worker["threads"].values()) == {1}, worker["threads"]

    used_by_two()
    assert scheduler.state() == before

    ended = run_endless(scheduler, tmp_path, "--timeout", "25")
    assert ended.status == "failed"
    assert "not finished after the 25 s of --timeout" in str(ended.reason)
    assert training(tmp_path)
    wait_until(lambda: not any(worker["group"] for worker in scheduler.state()["workers"]))

    used_by_two()
    assert scheduler.state() == before
    assert all(process.poll() is None for process in scheduler.processes)
    one = run(scheduler, out, "--workers", "1")
    assert one.ok, one.reason
    alone = measure(RunSpec.from_dict(dict(one.spec) | {"backend": "serial", "address": None}), RunContext())
    assert one.history[0]["loss"] == pytest.approx(alone.history[0]["loss"], abs=1e-5)


def test_more_workers_than_the_scheduler_has_is_said_at_once(scheduler: Scheduler, tmp_path: Path) -> None:
    record = run(scheduler, tmp_path / "out.jsonl", "--workers", "4", "--timeout", "200")
    assert record.status == "failed"
    assert "4 workers were asked for" in str(record.reason)
    assert "has 2" in str(record.reason)
    assert record.wall_s is not None
    assert record.wall_s < 60


def test_a_running_cluster_trains_the_code_of_today(scheduler: Scheduler, tmp_path: Path) -> None:
    """Its workers have the user's module, and the one beside it, from the first run."""
    (tmp_path / "own.py").write_text(
        "from manyhands.workloads.rnn import Rnn\nimport width\n\nclass Own(Rnn):\n    def model(self):\n"
        "        import torch\n        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, width.HIDDEN))\n"
    )
    spec = small_spec("dask", workload=f"{tmp_path}/own.py:Own", samples=64, address=scheduler.address)
    parameters = []
    for hidden in (10, 1000):
        (tmp_path / "width.py").write_text(f"HIDDEN = {hidden}\n")
        record = measure(spec, RunContext(log_folder=tmp_path))
        assert record.ok, record.reason
        parameters.append(record.resolved["parameters"])
    assert parameters == [785 * 10, 785 * 1000]


def test_killed_worker_of_an_existing_scheduler_is_named_and_the_next_run_is_ok_and_then_its_scheduler_dies(
    scheduler: Scheduler, tmp_path: Path
) -> None:
    """The last test of the scheduler."""
    others = psutil.Process().children(recursive=True)
    worker = psutil.Process(scheduler.state()["workers"][0]["pid"])
    with killing(lambda: worker, ready=scheduler.trains):
        record = run_endless(scheduler, tmp_path)
    assert record.status == "failed"
    assert "died while it trained" in str(record.reason)
    wait_until(lambda: len(scheduler.state()["workers"]) == 2)
    wait_until(lambda: scheduler.state()["tasks"] == 0)
    assert run(scheduler, tmp_path / "out.jsonl", "--workers", "2").ok

    victim = psutil.Process(scheduler.processes[0].pid)
    with killing(lambda: victim, ready=scheduler.trains):
        record = run_endless(scheduler, tmp_path, "--timeout", "200")
    assert record.status == "failed"
    assert "--timeout" not in str(record.reason)
    assert "the scheduler ended" in str(record.reason)
    scheduler.end()
    end_descendants({child.pid for child in others})  # the worker in place of the killed one


def test_address_that_does_not_answer_is_a_skip_long_before_the_timeout() -> None:
    record = measure(spec(address="tcp://127.0.0.1:1", timeout_s=400.0), RunContext())
    assert record.status == "skipped"
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in str(record.reason)
    assert record.wall_s is not None
    assert record.wall_s < 60


def test_something_that_is_no_address_is_told(tmp_path: Path) -> None:
    record = measure(spec(address="spark://127.0.0.1:7077"), RunContext())
    assert record.status == "failed"
    assert "give tcp://HOST:PORT" in str(record.reason)
