"""Peak memory of a process and of a run: from the kernel where it counts that, otherwise from samples."""

from __future__ import annotations

import resource
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from manyhands.measure.worker_report import WorkerReport

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
FORGET_PEAK = "5"
"""Written to CLEAR, sets the peak of this process's resident memory to the current value. Source: Linux, proc_pid_clear_refs(5)."""


def own_peak_rss_bytes() -> int:
    """Peak resident memory of this process since its start, or since `forget_own_peak`.

    `ru_maxrss` is no use here: Linux keeps it through `exec`, so it is never less than the parent's at that moment.
    """
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_own_peak() -> None:
    """Resets the peak, so that a run does not report the peak of an earlier run in the same process."""
    with suppress(OSError):
        CLEAR.write_text(FORGET_PEAK)


def own_memory() -> dict[str, int]:
    """`peak_rss_bytes` of this process, and `peak_pss_bytes`: peak RSS without what other processes share of the current pages."""
    now, peak = psutil.Process().memory_full_info(), own_peak_rss_bytes()
    return {"peak_rss_bytes": peak, "peak_pss_bytes": max(now.pss, peak - (now.rss - now.pss))}


def tree_peak(sampled: int | None, workers: Sequence[WorkerReport], seen: Sequence[int]) -> int | None:
    """The peak of a run's memory in bytes; None when nothing was measured.

    `sampled`: the highest sample of the process tree. Samples miss short peaks, so the result is at least the sum of the peaks of
    `workers`, which are in the tree, and at least every value in `seen`.
    """
    own: dict[int, int] = {}
    for worker in workers:
        if worker.pid is not None and worker.peak_pss_bytes:  # threads of one process share its peak
            own[worker.pid] = max(own.get(worker.pid, 0), worker.peak_pss_bytes)
    return max(sampled or 0, sum(own.values()), *seen, 0) or None
