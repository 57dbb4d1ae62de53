"""The shared part of estimator runs: sums of the workers' reports, and the proof of the rows that were trained on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhands.backends.estimators.run import cpu_between, prove_rows, rows_per_worker
from manyhands.backends.estimators.tasks import ArrayFile, TaskEngine, by_worker, own_key, run_timed, threaded, timed_task
from manyhands.data.fingerprint import fingerprint
from manyhands.data.row_parts import Rows, write_array, write_part
from manyhands.errors import EngineError
from manyhands.measure.worker_report import WorkerReport
from manyhands.plan import RunSpec

SPEC = RunSpec(workload="kmeans", backend="dask", workers=2)
X = np.random.default_rng(0).random((10, 3))


def test_rows_are_proven_whatever_their_order_and_cut(tmp_path: Path) -> None:
    rows = Rows((write_part(tmp_path, "p", X),), tuple("abc"), "float64")
    held = [fingerprint(X[::2]), fingerprint(X[1::2][::-1])]
    proof = prove_rows(SPEC, rows, held)
    assert proof == {"rows_per_epoch": 10, "rows_fingerprint": fingerprint(X).hex()}
    assert rows_per_worker(SPEC, held) == [5, 5]
    assert rows_per_worker(SPEC, [fingerprint(X)]) == [None, None]
    with pytest.raises(EngineError, match="dask trained on other rows than were meant: 9 of 10"):
        prove_rows(SPEC, rows, [fingerprint(X[:9])])
    with pytest.raises(EngineError, match="10 of 10, or with other values"):
        prove_rows(SPEC, rows, [fingerprint(X + 1e-9)])


def test_cpu_seconds_are_those_between_two_reports_of_one_process() -> None:
    def report(pid: int, user_s: float | None) -> WorkerReport:
        return WorkerReport("h", pid=pid, cpu_user_s=user_s, cpu_system_s=1.0)

    known, other, unknown = cpu_between(
        [report(1, 2.0), report(2, 2.0), report(3, None)], [report(1, 5.5), report(9, 2.5), report(3, None)]
    )
    assert (known.cpu_user_s, known.cpu_system_s) == (3.5, 0.0)
    assert other.cpu_user_s is None
    assert unknown.cpu_user_s is None


def worker(pid: int) -> WorkerReport:
    return WorkerReport("h", pid=pid, threads={"openblas": 1}, peak_rss_bytes=10)


def task(pid: int) -> WorkerReport:
    return WorkerReport("h", pid=pid, busy_s=1.0, cpu_user_s=0.5, cpu_system_s=0.25, peak_rss_bytes=20)


def test_tasks_add_up_to_their_workers() -> None:
    first, second = by_worker([worker(1), worker(2)], [task(2), task(1), task(2)], [5, 6, 7])
    assert (first.rows_seen, first.tasks, first.busy_s) == (6, 1, 1.0)
    assert (second.rows_seen, second.tasks, second.cpu_user_s) == (12, 2, 1.0)
    assert second.train_split == {"compute_s": 2.0, "communicate_s": None, "input_s": None, "synchronise_s": None}
    assert second.peak_rss_bytes == 20


def test_a_worker_put_in_anothers_place_takes_it() -> None:
    first, second = by_worker([worker(1), worker(2)], [task(1), task(9)], [5, 6])
    assert (first.pid, second.pid, second.threads) == (1, 9, None)
    idle = by_worker([worker(1), worker(2)], [task(1)], [5])[1]
    assert (idle.pid, idle.tasks, idle.rows_seen) == (2, 0, 0)


@pytest.mark.parametrize("in_threads", [True, False])
def test_a_task_sees_the_array_of_a_file_and_says_who_ran_it(tmp_path: Path, in_threads: bool) -> None:
    write_array(tmp_path / "x.npy", X)
    result, report = timed_task(np.sum, in_threads, ArrayFile(str(tmp_path / "x.npy")))
    assert result == X.sum()
    assert (report["host"], report["pid"], report["thread"]) == own_key(in_threads)


@pytest.mark.parametrize("in_threads", [True, False])
def test_a_task_reports_the_time_and_the_cpu_time_that_it_took(in_threads: bool) -> None:
    result, report = timed_task(rest_then_compute, in_threads)
    assert report["busy_s"] >= result["wall_s"] > REST_S
    assert report["cpu_user_s"] + report["cpu_system_s"] >= result["cpu_s"] - CLOCK_STEP_S


REST_S = 0.05
CPU_S = 0.05
CLOCK_STEP_S = 0.011
"""Two clocks are compared: the kernel may count CPU time of rusage in ticks of 10 ms."""


def rest_then_compute() -> dict[str, float]:
    """Sleeps, then computes; seconds that passed, and CPU seconds of this thread."""
    began, cpu = time.perf_counter(), time.thread_time()
    time.sleep(REST_S)
    while time.thread_time() - cpu < CPU_S:
        pass
    return {"wall_s": time.perf_counter() - began, "cpu_s": time.thread_time() - cpu}


def test_what_runs_inside_a_task_may_use_its_threads() -> None:
    joblib = pytest.importorskip("joblib")
    with joblib.parallel_config("sequential"):  # what joblibspark gives to a task
        assert joblib.effective_n_jobs(2) == 1
        assert threaded(2, joblib.effective_n_jobs, 2) == 2


def backend_inside() -> str:
    """The backend with which joblib would run a model's parts."""
    from joblib.parallel import get_active_backend

    return type(get_active_backend()[0]).__name__


@pytest.mark.parametrize("pool", ["loky", "threading"])
def test_tasks_of_a_single_worker_of_joblib_stay_in_its_threads(tmp_path: Path, pool: str) -> None:
    pytest.importorskip("joblib")
    from manyhands.backends.joblib.pool import open_pool, stop_trackers

    with open_pool(pool, RunSpec(workload="search", backend="joblib", threads=2), tmp_path) as tasks:
        assert tasks.strategy == "joblib sequential"
        assert tasks.run(backend_inside, [()]) == ["ThreadingBackend"]
    stop_trackers()


class InThreads(TaskEngine):
    """Workers that are threads, as far as their reports go."""

    in_threads = True

    def run(self, function: Any, tasks: Any) -> list[Any]:
        return [function(*task) for task in tasks]


@pytest.mark.parametrize(("threads", "is_known"), [(1, True), (2, False)])
def test_cpu_time_of_a_thread_with_threads_of_its_own_is_not_known(threads: int, is_known: bool) -> None:
    engine = InThreads()
    engine.threads = threads
    (result,), (report,) = run_timed(engine, np.sum, [(X,)])
    assert result == X.sum()
    assert (report.cpu_user_s is not None) == is_known
    (own,) = by_worker([WorkerReport(report.host, pid=report.pid, thread=report.thread)], [report], [9])
    assert own.cpu_user_s == report.cpu_user_s
