"""Turns a failed torchrun launch into one error that names the worker that failed first."""

from __future__ import annotations

import signal
from typing import Any

from manyhands.backends.nodes.heartbeat import is_consequence
from manyhands.errors import EngineError, ManyhandsError, by_name


def failure(error: Any) -> ManyhandsError:
    """The error of the worker that failed first: the ManyhandsError that the worker raised, or an EngineError.

    `error`: torch's ChildFailedError.
    """
    rank, first = error.get_first_failure()  # torch sorts failures by whole seconds, so a consequence can come first
    killed = [(rank, one) for rank, one in error.failures.items() if one.exitcode < 0 and one.exitcode != -signal.SIGTERM]
    if killed and is_consequence(str(first.message)):
        rank, first = killed[0]
    if first.exitcode < 0:
        return EngineError(f"ddp worker {rank} (pid {first.pid}) was killed by {first.signal_name()}")
    message = first.message
    if isinstance(message, dict):
        message = message.get("message", message)
    kind, _, text = raised(str(message)).partition(": ")
    if text and (ours := by_name(kind)):
        return ours(text)
    return EngineError(f"ddp worker {rank} failed: {kind}{': ' if text else ''}{text}")


def raised(message: str) -> str:
    """The error in a message as one line: its class and all of its text, without the traceback before it."""
    lines = message.strip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("Traceback ")]
    if starts:
        last = starts[-1]  # of several, the last is of the error that came out in the end
        end = next((number for number in range(last + 1, len(lines)) if not lines[number].startswith("  ")), len(lines) - 1)
        lines = lines[end:]
    return " ".join(" ".join(lines).split())
