"""`ray` for estimators: what is its own, beyond the contract: no clustering, threads, lost workers, a cluster that runs already."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from engines import descendants, kill_when_busy, small_spec

from manyhands.backends.base import kinds
from manyhands.plugins import backend_class
from manyhands.run import Surroundings, measure, refusal

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray: pip install 'manyhands[ray]'")
WORKERS = 2

spec = partial(small_spec, "ray", workers=WORKERS, batch="per-worker", timeout_s=400)


def test_offers_what_an_engine_of_rays_does() -> None:
    assert kinds(backend_class("ray")) == ["boosting", "collective", "ensemble", "network", "search"]
    assert refusal(spec(workload="kmeans")) == "ray offers no clustering workloads"


@needs_ray
def test_workers_that_would_do_nothing_are_refused() -> None:
    reason = str(refusal(spec(workload="ensemble", settings={"single": "true"})))
    assert reason.startswith("1 member cannot keep 2 workers busy")


@pytest.mark.slow
@needs_ray
def test_tasks_of_a_single_worker_are_an_actors_too(tmp_path: Path) -> None:
    script = f"""
from pathlib import Path
import psutil
from manyhands.backends.ray.local import local_cluster
from manyhands.plan import RunSpec

spec, folder = RunSpec(workload="search", backend="ray"), Path({str(tmp_path)!r})
with local_cluster(spec, folder):
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
def test_killed_worker_is_a_failed_record_that_names_it(tmp_path: Path) -> None:
    others = psutil.Process().children(recursive=True)
    with kill_when_busy(partial(descendants, "ray::RayTrainWo"), count=1, cpu_s=8) as killed:
        record = measure(spec(workload="xgboost", samples=20000, settings={"rounds": 5000}), Surroundings(log_folder=tmp_path))
    assert record.status == "failed"
    assert f"(pid {killed.pid}, on 127.0.0.1) died" in str(record.reason)
    left = set(psutil.Process().children(recursive=True)).difference(others)
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
