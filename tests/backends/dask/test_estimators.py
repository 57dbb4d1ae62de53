"""`dask` for estimators: what is its own, beyond what every engine must keep to: memory, threads, lost workers, schedulers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import descendants, in_one_engine, kill_when_busy, run_as_user, skip_without, small_spec
from listening import listening

from manyhands.backends.dask.backend import DaskCluster
from manyhands.backends.dask.rows import pieces
from manyhands.measure.resources import end_descendants
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.run import RunContext, measure, refusal

pytestmark = pytest.mark.slow

CLUSTER = """
import sys
from contextlib import ExitStack
from distributed import LocalCluster

if __name__ == "__main__":
    apart, threads = map(int, sys.argv[1:3])
    env = {"OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
    with ExitStack() as stack:
        for slots in map(int, sys.argv[3:]):
            shape = {"n_workers": 2, "env": env} if apart else {"n_workers": 1, "processes": False}
            shape["threads_per_worker"] = slots
            cluster = LocalCluster(host="127.0.0.1", protocol="tcp://", dashboard_address=None, **shape)
            print(stack.enter_context(cluster).scheduler_address, flush=True)
        input()
"""
"""Clusters of two processes, or of this process alone."""


@pytest.fixture(autouse=True)
def installed() -> None:
    """Skips where Dask is missing, with the command that installs it."""
    skip_without(DaskCluster)


spec = partial(small_spec, "dask", workload="kmeans", samples=5000, batch="per-worker", timeout_s=300.0)
workers = partial(descendants, "spawn_main")


@contextmanager
def clusters(folder: Path, *slots: int, apart: bool = True, threads: int = 1) -> Iterator[list[str]]:
    """The addresses of schedulers that somebody else has started, with their workers; one for each number of `slots`."""
    script = folder / "cluster.py"
    script.write_text(CLUSTER)
    others = {child.pid for child in psutil.Process().children(recursive=True)}
    command = [sys.executable, str(script), str(int(apart)), str(threads), *map(str, slots)]
    own = {} if apart else dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder, text=True, env=os.environ | own
    ) as process:
        assert process.stdout
        yield [process.stdout.readline().strip() for _ in slots]
        process.communicate("\n", timeout=60)
    end_descendants(others)  # its helpers, which this process has adopted


def test_memory_limits_that_dask_cannot_keep_are_refused() -> None:
    assert "not those of ensemble" in str(refusal(spec(workload="ensemble", memory_limit=10**9)))
    assert "not those of network" in str(refusal(spec(workload="mlp", batch="global", memory_limit=10**9)))
    assert "have their own memory limits" in str(refusal(spec(memory_limit=10**9, address="tcp://127.0.0.1:1")))
    assert "1 member cannot keep 2 workers busy" in str(refusal(spec(workload="ensemble", settings={"single": "true"})))


def test_too_small_a_limit_is_told(tmp_path: Path) -> None:
    record = measure(spec(memory_limit=250_000_000, workers=1), RunContext(log_folder=tmp_path))
    assert record.status == "failed"
    assert "used more than its --memory-limit" in str(record.reason)


def test_threads_are_those_asked_for_and_only_loopback_listens(tmp_path: Path) -> None:
    forest = {"trees": 3, "depths": ("2",), "leaves": ("1",)}
    on_loopback = [
        spec(workload="kmeans", samples=1000, threads=2),
        spec(workload="ensemble", samples=500, epochs=4, threads=2),
        spec(workload="search", samples=1000, threads=2, settings=forest),
    ]
    # XGBoost's workers listen on every interface while they train, so they train when no listener is looked for any more.
    others = [small_spec("dask", threads=2), spec(workload="xgboost", samples=1000, threads=2)]
    before_xgboost: set[str] = set()
    with listening() as heard:

        def ended(records: Sequence[Record]) -> None:
            if len(records) == len(on_loopback):
                before_xgboost.update(heard)

        records = in_one_engine([*on_loopback, *others], tmp_path, ended)
    assert before_xgboost
    assert before_xgboost <= {"127.0.0.1", "::1"}
    assert len(records) == 5
    for record in records:
        for worker in record.per_worker:
            assert set(worker["threads"].values()) == {2}, (record.spec["workload"], worker["threads"])


@pytest.mark.parametrize(
    ("workload", "settings", "cpu_s"),
    [("kmeans", {"max_iterations": 5000, "tolerance": 0.0, "clusters": 50}, 5), ("xgboost", {"rounds": 100_000}, 3.5)],
)
def test_killed_worker_is_told_and_the_others_go_with_it(
    workload: str, settings: dict[str, Any], cpu_s: float, tmp_path: Path
) -> None:
    # Importing takes a worker about 2.5 s of its CPU time, and compiling K-means 2 s more.
    with kill_when_busy(workers, count=2, cpu_s=cpu_s) as killed:
        record = measure(spec(workload=workload, samples=200_000, settings=settings), RunContext(log_folder=tmp_path))
    assert record.status == "failed"
    assert "a dask worker died while it trained" in str(record.reason)
    assert killed.ended_after_s < 120
    assert not workers()


@pytest.fixture(scope="module")
def guests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers that several tests use."""
    with clusters(tmp_path_factory.mktemp("cluster"), 1) as (address,):
        yield address


@pytest.mark.parametrize("workload", ["kmeans", "xgboost", "ensemble", "prepare"])
def test_one_of_an_existing_scheduler_s_workers_does_all_the_work(workload: str, guests: str, tmp_path: Path) -> None:
    record = run_as_user(tmp_path / "out.jsonl", workload, "dask", "--address", guests, "--workers", "1", "--samples", "1000")
    assert record.ok, record.reason
    assert "ended_by_force" not in record.resources
    alone = measure(RunSpec.from_dict(dict(record.spec) | {"backend": "serial", "address": None}), RunContext())
    assert record.data == alone.data
    assert record.resolved.get("rows_fingerprint") == alone.resolved.get("rows_fingerprint")


def test_workers_of_another_shape_are_refused_in_words(tmp_path: Path) -> None:
    wanted = ("--workers", "1", "--samples", "1000")
    with clusters(tmp_path, 2, 1, apart=False, threads=2) as (wide, threaded):
        first = run_as_user(tmp_path / "wide.jsonl", "kmeans", "dask", "--address", wide, *wanted)
        second = run_as_user(tmp_path / "other.jsonl", "kmeans", "dask", "--address", threaded, *wanted)
    assert "runs 2 tasks at once" in str(first.reason)
    assert "uses 2 threads, not --threads 1" in str(second.reason)


def test_chunks_are_as_large_as_memory_lets_them_be() -> None:
    """Ten parts of 100 MB: two in a chunk of at most 256 MB, or one in each."""
    slices = [(part, 0, 1_000_000) for part in range(10)]
    sizes = [[high - low for _, low, high in chunk] for chunk in pieces(slices, row_bytes=100, limited=False)]  # type: ignore[arg-type]
    assert sizes == [[1_000_000] * 2] * 5
    assert len(pieces(slices, row_bytes=100, limited=True)) == 10  # type: ignore[arg-type]
    assert pieces([], row_bytes=100, limited=False) == []
