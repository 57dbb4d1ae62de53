"""Names -> backends and workloads: ours, those of entry points, and a user's `path/to/file.py:Name`.

`manyhands compare` imports this module from other commits too: its path and these names stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from manyhands.backends.base import Backend
from manyhands.finding import classes, find
from manyhands.workloads.by_name import workload_class, workload_classes

__all__ = ["backend_class", "backend_classes", "workload_class", "workload_classes"]


@cache
def backend_classes() -> Mapping[str, type[Backend]]:
    """Every backend that has a name, in the order of the names; searched for once in a process."""
    return classes("manyhands.backends", Backend)


def backend_class(name: str) -> type[Backend]:
    """The backend of that name; raises UsageError when there is none."""
    return find("backend", name, Backend, backend_classes)
