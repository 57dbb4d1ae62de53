"""Turns an error of Ray Train into one line: the error that a worker raised, or the worker that died."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.errors import EngineError, ManyhandsError
from manyhands.measure.ended import ended_children

if TYPE_CHECKING:
    from ray.train import TrainingFailedError

OWN = ("gcs_server", "raylet")
"""Processes that the driver starts for a cluster of its own."""


def failure(error: TrainingFailedError) -> ManyhandsError:
    """The error of a worker that died, else of the failed worker with the lowest rank.

    A worker that died goes first, because the other workers then fail over broken connections.
    """
    from ray.train import ControllerError, WorkerGroupError

    if isinstance(error, ControllerError):
        return EngineError(f"ray could not train: {first_sentence(error.controller_failure)}")
    if not isinstance(error, WorkerGroupError):
        return EngineError(f"ray could not train: {first_sentence(error)}")
    failures = sorted(error.worker_failures.items())
    for rank, cause in failures:
        if died := _death(cause):
            return EngineError(f"ray worker {rank}{died}")
    for rank, cause in failures:
        if isinstance(cause, ManyhandsError):
            return cause
        return EngineError(f"ray worker {rank} failed: {type(cause).__name__}: {first_sentence(cause)}")
    return EngineError(f"ray could not train: {first_sentence(error)}")


def _death(cause: Exception) -> str | None:
    from ray.exceptions import RayActorError

    dead = getattr(cause, "health_check_failure", cause)
    if not isinstance(dead, RayActorError):
        return None
    pid, host = (re.search(rf"^\s*{name}: (\S+)$", str(dead), re.MULTILINE) for name in ("pid", "ip"))
    where = ", ".join(part for part in (f"pid {pid[1]}" if pid else "", f"on {host[1]}" if host else "") if part)
    return f"{f' ({where})' if where else ''} died: its process was killed or crashed, or its host is gone"


def process_ended(folder: Path) -> EngineError | None:
    """The error when a process of this run's own cluster has ended by itself: all other errors of a run follow from that.

    `folder`: where the cluster has its files.
    """
    ended = next((child for child in ended_children() if child.name in OWN), None)
    return EngineError(f"ray's process on this machine, {ended}") if ended else None


def first_sentence(error: BaseException) -> str:
    """The error message without the advice and the traceback that Ray adds to it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):  # Ray Client: a heading, a traceback, and the error in the last line
        return f"{lines[0]} {lines[-1]}".partition(". ")[0]
    return lines[0].partition(". ")[0] if lines else type(error).__name__
