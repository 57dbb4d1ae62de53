"""Turns an error of Ray Train into one line: the error that a worker raised, or the worker that died."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.errors import EngineError, ManyhandsError
from manyhands.measure.ended import ended_children

if TYPE_CHECKING:
    from ray.train import TrainingFailedError

DIED_EARLY = re.compile(
    "At least one of the worker actors failed to initialize|failed to initialize due to error: .*its worker process has died"
)
"""Ray Train's messages when an actor has died before all workers were ready; the first hides which."""
TERMINATED = "The process receives a SIGTERM"
"""Ray's words on a worker that SIGTERM ended; it has none on other signals."""
AGENT = re.compile(r"one Ray agent failed, agent_name = (\w+)")
"""The raylet's line about an agent that has ended."""
OWN = ("gcs_server", "raylet")
"""Processes that the driver starts for a cluster of its own."""


def failure(error: TrainingFailedError) -> ManyhandsError:
    """The error of a worker that died, else of the failed worker with the lowest rank.

    A worker that died goes first, because the other workers then fail over broken connections.
    """
    from ray.train import ControllerError, WorkerGroupError

    if isinstance(error, ControllerError):
        if DIED_EARLY.search(str(error)):
            return EngineError(f"a ray worker died while the workers started: {_end(error)}")
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
    return f"{f' ({where})' if where else ''} died: {_end(dead)}"


def _end(error: Exception) -> str:
    """The end of a worker, as far as Ray's error names it."""
    return "SIGTERM ended its process" if TERMINATED in str(error) else "its process was killed or crashed, or its host is gone"


def process_ended(folder: Path) -> EngineError | None:
    """The error when a process of this run's own cluster has ended by itself: all other errors of a run follow from that.

    `folder`: where the cluster has its files.
    """
    ended = next((child for child in ended_children() if child.name in OWN), None)
    if ended is None:
        return None
    if ended.name == "raylet" and (agent := agent_that_ended(folder)):
        return EngineError(f"ray's {agent} on this machine ended, and {ended} because of that; perhaps the agent was killed")
    return EngineError(f"ray's process on this machine, {ended}")


def agent_that_ended(folder: Path) -> str | None:
    """The name of the agent whose end made the raylet end too, from the raylet's log; None when there was none."""
    for log in folder.glob("session_*/logs/raylet.*"):
        if found := AGENT.search(log.read_text(errors="replace")):
            return found[1].replace("_", " ")
    return None


def first_sentence(error: BaseException) -> str:
    """The error message without the advice and the traceback that Ray adds to it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(":"):  # Ray Client: a heading, a traceback, and the error in the last line
        return f"{lines[0]} {lines[-1]}".partition(". ")[0]
    return lines[0].partition(". ")[0] if lines else type(error).__name__
