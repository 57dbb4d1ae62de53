"""Names -> workloads: ours, those of entry points in the group `manyhands.workloads`, and a user's `path/to/file.py:Name`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from manyhands.finding import classes, find
from manyhands.workloads.workload import Workload


@cache
def workload_classes() -> Mapping[str, type[Workload]]:
    """Every workload that has a name, sorted by name; a process searches only once."""
    return classes("manyhands.workloads", Workload)  # type: ignore[type-abstract]  # only compared with, never created


def workload_class(name: str) -> type[Workload]:
    """The workload with this name; raises UsageError when there is none."""
    return find("workload", name, Workload, workload_classes)  # type: ignore[type-abstract]  # only compared with, never created
