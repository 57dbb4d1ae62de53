"""The most memory that a process and a run have had: from the kernel where it keeps account, beside what was sampled."""

from __future__ import annotations

import resource
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
FORGET_PEAK = "5"
"""To CLEAR: the peak of this process's resident memory becomes what it has now. Source: Linux, proc_pid_clear_refs(5)."""


def own_peak_rss_bytes() -> int:
    """The most memory this process has had resident since it was started, or since `forget_own_peak`.

    `ru_maxrss` cannot tell: Linux hands it on through `exec`, so it is never less than what the parent had then.
    """
    for line in STATUS.read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def forget_own_peak() -> None:
    """Lets the peak begin anew, so that a run does not get that of an earlier one in the same process."""
    with suppress(OSError):
        CLEAR.write_text(FORGET_PEAK)


def own_memory() -> dict[str, int]:
    """`peak_rss_bytes` of this process, and `peak_pss_bytes`: the same without the share of others in the pages it has now."""
    now, peak = psutil.Process().memory_full_info(), own_peak_rss_bytes()
    return {"peak_rss_bytes": peak, "peak_pss_bytes": max(now.pss, peak - (now.rss - now.pss))}


def tree_peak(sampled: int | None, workers: Sequence[Mapping[str, Any]], seen: Sequence[int]) -> int | None:
    """The peak of a run's memory in bytes; None when nothing was measured.

    Samples miss what lies between two of them, so it is no less than the peaks of `workers` together, those of them that are in the
    tree, nor than anything that was seen there otherwise.
    """
    own: dict[int, int] = {}
    for worker in workers:
        if peak := worker.get("peak_pss_bytes"):  # of workers that are threads of one process, the first to ask knows it
            own[worker["pid"]] = max(own.get(worker["pid"], 0), peak)
    return max(sampled or 0, sum(own.values()), *seen, 0) or None
