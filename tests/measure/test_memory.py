"""The peak of memory: this process's own, not its parent's nor an earlier run's, and never less than what workers know."""

import os
import subprocess
import sys

import numpy as np
import psutil
import pytest

from manyhands.measure.memory import forget_own_peak, own_memory, own_peak_rss_bytes, tree_peak
from manyhands.measure.worker_report import WorkerReport

MEGABYTE = 1 << 20


def worker(pid: int | None, peak_pss_bytes: int | None) -> WorkerReport:
    return WorkerReport("h", pid=pid, peak_pss_bytes=peak_pss_bytes)


def test_peak_memory_is_in_bytes() -> None:
    assert psutil.Process(os.getpid()).memory_info().rss // 4 < own_peak_rss_bytes() < psutil.virtual_memory().total


def test_peak_memory_is_not_that_of_the_parent() -> None:
    code = "from manyhands.measure.memory import own_peak_rss_bytes as peak; print(peak())"
    ballast = bytearray(os.urandom(1 << 20) * 200)
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert 1e6 < int(child.stdout) < len(ballast) < own_peak_rss_bytes()


def test_peak_begins_anew() -> None:
    ballast = np.ones(200 * MEGABYTE // 8)
    high = own_peak_rss_bytes()
    del ballast
    forget_own_peak()
    assert own_peak_rss_bytes() < high - 100 * MEGABYTE


def test_peak_without_the_share_of_others_is_no_more_than_the_peak_and_no_less_than_now() -> None:
    memory = own_memory()
    assert psutil.Process().memory_full_info().pss * 0.9 < memory["peak_pss_bytes"] <= memory["peak_rss_bytes"]


@pytest.mark.parametrize(
    ("sampled", "workers", "seen", "peak"),
    [
        (None, [], [], None),
        (500, [worker(1, 200), worker(2, 200)], [], 500),
        (100, [worker(1, 200), worker(2, 200)], [], 400),
        (100, [worker(1, 200), worker(1, 150)], [], 200),  # threads of one process
        (100, [worker(None, None)], [50, 785], 785),
    ],
)
def test_peak_of_a_run_is_the_highest_of_all_accounts(sampled, workers, seen, peak) -> None:  # type: ignore[no-untyped-def]
    assert tree_peak(sampled, workers, seen) == peak
