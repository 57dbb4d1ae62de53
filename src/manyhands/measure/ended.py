"""Children of this process that have ended and were not waited for yet: when an engine fails, they show which part of it ended, and how."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

NOTE = "ended"


def leave_note(folder: Path, reason: str) -> None:
    """Leaves the reason why the run must end in the engine's folder, for the parent, before this process ends at once."""
    partial = folder / f"{NOTE}.partial"
    partial.write_text(reason)
    os.replace(partial, folder / NOTE)


def read_note(folder: Path) -> str | None:
    """The reason that `leave_note` left in the engine's folder; None without one."""
    try:
        return (folder / NOTE).read_text()
    except OSError:
        return None


@dataclass(frozen=True)
class Ended:
    """A process that has ended. `code`: its exit code, or minus the number of the signal that ended it."""

    pid: int
    name: str
    code: int

    def __str__(self) -> str:
        return f"{self.name} (pid {self.pid}) {how(self.code)}"


SIGNALS = {each.value: each.name for each in signal.Signals}
BY_SIGNAL = 128
"""Java and shells end with this much more than the number of the signal that ended them."""


def how(code: int) -> str:
    """The end of a process, for a message. `code`: its exit code, or minus the number of the signal that ended it."""
    if code >= 0:
        sent = SIGNALS.get(code - BY_SIGNAL)
        return f"ended with exit code {code}{f', as after {sent}' if sent else ''}"
    return f"was killed by {SIGNALS.get(-code, f'signal {-code}')}"


def ended_children() -> list[Ended]:
    """The children that have ended, in the order of their numbers; whoever has started them can still wait for them."""
    found = []
    for child in psutil.Process().children():
        try:
            if child.status() != psutil.STATUS_ZOMBIE:
                continue
            state = os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if state is not None:
                code = state.si_status if state.si_code == os.CLD_EXITED else -state.si_status
                found.append(Ended(child.pid, child.name(), code))
        except (psutil.Error, ChildProcessError):
            continue  # another thread has waited for it
    return found
