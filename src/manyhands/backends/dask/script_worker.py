"""A script on Dask: the task of each rank runs it in a process of its own, which forms the process group itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyhands.backends.dask.worker import ConsequentError, Task
from manyhands.backends.nodes.heartbeat import is_consequence
from manyhands.backends.scripts.worker_process import work
from manyhands.errors import EngineError


def script_task(values: Mapping[str, Any], rank: int, folder: str, meeting: Mapping[str, str]) -> None:
    """Runs the script of one rank until it ends or its task is cancelled; the arguments are those of `work`."""
    task = Task()
    try:
        work(values, folder, rank, meeting, lambda: task.check(rank))
    except EngineError as error:
        raise ConsequentError(str(error)) if is_consequence(str(error)) else error from None
