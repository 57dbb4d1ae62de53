"""Names -> workloads: ours, those of entry points in the group `manyhands.workloads`, a user's `path/to/file.py:Name` or script."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from manyhands.errors import UsageError
from manyhands.finding import classes, find
from manyhands.user_files import is_script
from manyhands.workloads.kinds.script import ScriptWorkload
from manyhands.workloads.workload import Workload


@cache
def workload_classes() -> Mapping[str, type[Workload]]:
    """Every workload that has a name, sorted by name; a process searches only once."""
    return classes("manyhands.workloads", Workload)  # type: ignore[type-abstract]  # only compared with, never created


def workload_class(name: str) -> type[Workload]:
    """The workload with this name; raises UsageError when there is none, or no such file."""
    if is_script(name):
        if not Path(name).is_file():
            raise UsageError(f"no script {name}; give the path of a Python file, or see 'manyhands list' for workloads")
        return ScriptWorkload
    return find("workload", name, Workload, workload_classes)  # type: ignore[type-abstract]  # only compared with, never created
