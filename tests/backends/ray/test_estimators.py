"""`ray` for estimators: what is its own, beyond the contract: no clustering, threads, lost workers, a cluster that runs already."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest
from engines import descendants, kill_when_busy, small_spec

from manyhands.backends.base import kinds
from manyhands.plugins import backend_class
from manyhands.run import RunContext, measure, refusal

needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs ray: pip install 'manyhands[ray]'")
WORKERS = 2

spec = partial(small_spec, "ray", workers=WORKERS, batch="per-worker", timeout_s=400)


def test_offers_what_an_engine_of_rays_does() -> None:
    assert kinds(backend_class("ray")) == ["boosting", "collective", "ensemble", "function", "network", "script", "search"]
    assert refusal(spec(workload="kmeans")) == "ray offers no clustering workloads"


@needs_ray
def test_workers_that_would_do_nothing_are_refused() -> None:
    reason = str(refusal(spec(workload="ensemble", settings={"single": "true"})))
    assert reason.startswith("1 member cannot keep 2 workers busy")


@pytest.mark.slow
@needs_ray
def test_killed_worker_is_a_failed_record_that_names_it(tmp_path: Path) -> None:
    others = psutil.Process().children(recursive=True)
    with kill_when_busy(partial(descendants, "ray::RayTrainWo"), count=1, cpu_s=6) as killed:
        record = measure(spec(workload="xgboost", samples=20000, settings={"rounds": 5000}), RunContext(log_folder=tmp_path))
    assert record.status == "failed"
    assert f"(pid {killed.pid}, on 127.0.0.1) died" in str(record.reason)
    left = set(psutil.Process().children(recursive=True)).difference(others)
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]
