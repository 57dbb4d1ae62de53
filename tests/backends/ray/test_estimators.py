"""`ray` for estimators: what is its own, beyond the contract: no clustering, threads, lost workers, a cluster that runs already."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyhands.backends.base import kinds
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.record import Record
from manyhands.run import Surroundings, measure, refusal

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray: pip install 'manyhands[ray]'")
WORKERS = 2
SEARCH: dict[str, Any] = {
    "workload": "search",
    "samples": 300,
    "settings": {"trees": 3, "depths": ("2", "5"), "leaves": ("1",)},
}


def spec(**options: Any) -> RunSpec:
    return RunSpec(**{"backend": "ray", "workers": WORKERS, "batch": "per-worker", "timeout_s": 400} | options)


def run(folder: Path, **options: Any) -> Record:
    record = measure(spec(**options), Surroundings(log_folder=folder))
    assert record.ok, record.reason
    assert "ended_by_force" not in record.resources
    return record


def test_offers_what_an_engine_of_rays_does() -> None:
    assert kinds(backend_class("ray")) == ["boosting", "collective", "ensemble", "network", "search"]
    assert refusal(spec(workload="kmeans")) == "ray offers no clustering workloads"


@needs_ray
def test_workers_that_would_do_nothing_are_refused() -> None:
    reason = str(refusal(spec(workload="ensemble", settings={"single": "true"})))
    assert reason.startswith("1 member cannot keep 2 workers busy")


@pytest.mark.slow
@needs_ray
def test_threads_asked_for_are_those_of_every_actor_and_the_best_is_serials(tmp_path: Path) -> None:
    serial = run(tmp_path, backend="serial", **SEARCH | {"workers": 1})
    record = run(tmp_path, threads=2, oversubscribe=True, **SEARCH)
    assert record.resolved["strategy"] == "joblib ray"
    assert [set(worker["threads"].values()) for worker in record.per_worker] == [{2}, {2}]
    assert len({worker["pid"] for worker in record.per_worker}) == WORKERS
    assert sum(worker["tasks"] for worker in record.per_worker) == record.resolved["fits"]
    for name in ("best_parameters", "best_score", "candidate_scores"):
        assert record.quality[name] == serial.quality[name]


@pytest.mark.slow
@needs_ray
def test_tasks_of_a_single_worker_are_an_actors_too(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
import psutil
from manyhands.backends.ray.local import started
from manyhands.plan import RunSpec

spec, folder = RunSpec(workload="search", backend="ray"), Path({str(tmp_path)!r})
with started(spec, folder):
    from manyhands.backends.ray.tasks import open_tasks

    with open_tasks(spec, folder) as tasks:
        (worker,) = tasks.probe()
        print(psutil.Process(worker["pid"]).name())
        print(tasks.run(pow, [(2, 3), (2, 4), (2, 5)]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert {"ray::PoolActor", "[8, 16, 32]"} <= set(done.stdout.splitlines())  # Ray prints what it has to say there too


@pytest.mark.slow
@needs_ray
def test_start_of_the_workers_is_launch_and_every_worker_trains_on_its_own_rows(tmp_path: Path) -> None:
    record = run(tmp_path, workload="xgboost", samples=4001, settings={"rounds": 3})
    assert [worker["rows_seen"] for worker in record.per_worker] == [2000, 2001]
    assert record.phases["train_s"] < record.phases["launch_s"]
    assert record.resolved["rounds"] == 3


@pytest.mark.slow
@needs_ray
def test_killed_worker_is_a_failed_record_in_words(tmp_path: Path) -> None:
    killed: list[int] = []
    others = psutil.Process().children(recursive=True)

    def kill() -> None:
        deadline = time.monotonic() + 300
        while not killed and time.monotonic() < deadline:
            for process in psutil.Process().children(recursive=True):
                try:
                    busy = process.name().startswith("ray::RayTrainWo") and process.cpu_times().user > 8
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue
                if busy:
                    os.kill(process.pid, signal.SIGKILL)
                    killed.append(process.pid)
                    return
            time.sleep(0.2)

    killer = threading.Thread(target=kill)
    killer.start()
    record = measure(spec(workload="xgboost", samples=20000, settings={"rounds": 5000}), Surroundings(log_folder=tmp_path))
    killer.join()
    assert killed
    assert record.status == "failed"
    assert f"(pid {killed[0]}, on 127.0.0.1) died" in str(record.reason)
    left = set(psutil.Process().children(recursive=True)).difference(others)
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
