"""Names -> workloads: ours, those of entry points in the group `manyhands.workloads`, a user's `path/to/file.py:Name` or script.

The name of a class in a user's file is a workload, that of a function builds one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from manyhands.errors import UsageError
from manyhands.finding import classes, find
from manyhands.user_files import is_of_file, is_script, load
from manyhands.workloads.kinds.function import function_workload
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
    if is_of_file(name) and callable(found := load(name)) and not isinstance(found, type):
        return function_workload(name, found)
    return find("workload", name, Workload, workload_classes)  # type: ignore[type-abstract]  # only compared with, never created
