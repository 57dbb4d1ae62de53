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
    kind, _, text = str(message).strip().splitlines()[-1].partition(": ")
    if text and (ours := by_name(kind)):
        return ours(text)
    return EngineError(f"ddp worker {rank} failed: {kind}{': ' if text else ''}{text}")
