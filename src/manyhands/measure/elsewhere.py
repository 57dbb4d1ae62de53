"""What workers used that are not in the driver's process tree, being on another host or a cluster's: each measured its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyhands.machine import host_name
from manyhands.plan import RunSpec


def with_elsewhere(
    resources: Mapping[str, Any], workers: Sequence[Mapping[str, Any]], spec: RunSpec, wall_s: float
) -> dict[str, Any]:
    """`resources` of the driver's tree with those of the workers outside of it added; None where one of them cannot tell.

    A worker counts its CPU seconds from its first barrier on, and its memory as resident pages, so that pages which two
    workers of a host share are counted twice.
    """
    outside = [worker for worker in workers if is_outside(worker, spec)]
    if not outside:
        return dict(resources)
    cpu_s = _sum([cpu_of(worker) for worker in outside])
    peak = _sum([worker.get("peak_rss_bytes") for worker in outside])
    total_s = None if cpu_s is None else resources["cpu_s"] + cpu_s
    return dict(resources) | {
        "cpu_s": total_s,
        "cpu_percent": None if total_s is None else 100 * total_s / wall_s,
        "peak_pss_bytes": None if peak is None else (resources["peak_pss_bytes"] or 0) + peak,
        "elsewhere": {"workers": len(outside), "cpu_s": cpu_s, "peak_rss_bytes": peak},
    }


def is_outside(worker: Mapping[str, Any], spec: RunSpec) -> bool:
    """Whether a worker is no descendant of the driver: all are that live in a cluster, and those of a node that is not this one."""
    return spec.address is not None and (spec.nodes == 1 or worker["host"] != host_name())


def cpu_of(worker: Mapping[str, Any]) -> float | None:
    """User and system seconds that a worker reports; None when it cannot tell."""
    return _sum([worker.get("cpu_user_s"), worker.get("cpu_system_s")])


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None
