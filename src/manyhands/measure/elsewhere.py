"""CPU time and memory of workers outside the driver's process tree (another host, or a cluster's): each worker measured its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manyhands.machine import host_name
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    from manyhands.measure.worker_report import WorkerReport


def with_elsewhere(resources: Mapping[str, Any], workers: Sequence[WorkerReport], spec: RunSpec, wall_s: float) -> dict[str, Any]:
    """`resources` of the driver's tree plus those of the workers outside it; None where one of these workers did not measure.

    A worker counts CPU seconds from its first barrier on. It counts memory as resident pages, so pages that two workers of one
    host share are counted twice.
    """
    outside = [worker for worker in workers if is_outside(worker, spec)]
    if not outside:
        return dict(resources)
    cpu_s = _sum([cpu_of(worker) for worker in outside])
    peak = _sum([worker.peak_rss_bytes for worker in outside])
    total_s = None if cpu_s is None else resources["cpu_s"] + cpu_s
    return dict(resources) | {
        "cpu_s": total_s,
        "cpu_percent": None if total_s is None else 100 * total_s / wall_s,
        "peak_pss_bytes": None if peak is None else (resources["peak_pss_bytes"] or 0) + peak,
        "elsewhere": {"workers": len(outside), "cpu_s": cpu_s, "peak_rss_bytes": peak},
    }


def is_outside(worker: WorkerReport, spec: RunSpec) -> bool:
    """True when a worker is no descendant of the driver: it runs in a cluster, or on another node."""
    return spec.address is not None and (spec.nodes == 1 or worker.host != host_name())


def cpu_of(worker: WorkerReport) -> float | None:
    """User and system seconds that a worker reports; None when it did not measure one of them."""
    return _sum([worker.cpu_user_s, worker.cpu_system_s])


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
