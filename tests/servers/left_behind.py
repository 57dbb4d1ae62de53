"""The check after every test that it leaves nothing behind: what is left, and which process, test or thread it belongs to."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from manyhands.measure.resources import reap

SET_BY_IMPORTS = {
    "KMP_DUPLICATE_LIB_OK",  # scikit-learn
    "KMP_INIT_AT_FORK",  # scikit-learn
    "PYTEST_CURRENT_TEST",
}
"""Variables that a library sets once when it is first imported, and pytest's own."""
PASSING = "jspawnhelper"
"""Java's, for the moment in which a session that belongs to all tests of a module starts some other process."""
SHOWN = 120
"""Characters of a command line that are shown."""


@dataclass(frozen=True)
class Left:
    """What a test could leave behind in this process; each with a description that names its owner."""

    processes: dict[psutil.Process, str]
    threads: dict[threading.Thread, str]
    variables: dict[str, str]
    listening: dict[str, str]
    group: bool

    @classmethod
    def now(cls) -> Left:
        """All that is there at this moment; processes are described later, since that takes longer."""
        this = psutil.Process()
        return cls(
            processes={child: name for child in _descendants() if (name := _name(child)) != PASSING},
            threads={thread: describe_thread(thread) for thread in threading.enumerate() if not thread.daemon},
            variables={name: value for name, value in os.environ.items() if name not in SET_BY_IMPORTS},
            listening={port: f"{port} of this process (pid {this.pid})" for port in _ports(this)},
            group=_group_is_open(),
        )

    def since(self, before: Left) -> list[str]:
        """A line for each sort of thing that is there now and was not `before`."""
        found = {
            "processes": [describe_process(child) for child in self.processes if child not in before.processes],
            "threads": [self.threads[thread] for thread in self.threads if thread not in before.threads],
            "environment variables": [
                _change(name, before.variables, self.variables)
                for name in {*self.variables, *before.variables}
                if self.variables.get(name) != before.variables.get(name)
            ],
            "listening ports": [self.listening[port] for port in self.listening if port not in before.listening],
            "process groups": ["torch's default group"] if self.group and not before.group else [],
        }
        return [f"{sort}: {', '.join(sorted(items))}" for sort, items in found.items() if items]


def describe_process(process: psutil.Process) -> str:
    """Pid, command line, parent, ports, and the test during which the process was started: children inherit its name."""
    try:
        command = " ".join(process.cmdline()) or process.name()
        parent = process.parent()
        whose = "this process" if parent and parent.pid == os.getpid() else f"{_name(parent)}" if parent else "no process"
        pid = f" (pid {parent.pid})" if parent else ""
        ports = f", listens on {', '.join(_ports(process))}" if _ports(process) else ""
        test = process.environ().get("PYTEST_CURRENT_TEST", "no test")
    except psutil.Error:
        return f"{process.pid}, which has ended meanwhile"
    shown = command if len(command) <= SHOWN else f"{command[:SHOWN]}..."
    return f"{process.pid} `{shown}`, child of {whose}{pid}, started in {test}{ports}"


def describe_thread(thread: threading.Thread) -> str:
    """Name and function of a thread."""
    target = getattr(thread, "_target", None) or type(thread).run
    return (
        f"{thread.name} ({target.__module__}.{target.__qualname__})"
        if hasattr(target, "__qualname__")
        else f"{thread.name} ({target!r})"
    )


def watch() -> Iterator[None]:
    """Fails the test that runs while it waits when the test leaves a process, thread, variable, port or process group behind."""
    before = Left.now()
    children = {child.pid for child in psutil.Process().children()} if _has_children() else set()
    yield
    if _has_children():
        reap(children)  # orphans of a command that have ended: engines' tests made this process their parent
    if left := Left.now().since(before):
        pytest.fail(f"left behind: {'; '.join(left)}")


def _descendants() -> list[psutil.Process]:
    """All processes below this one."""
    return psutil.Process().children(recursive=True) if _has_children() else []


def _has_children() -> bool:
    """False when this process has no child: then psutil need not read the parent of every process of the machine, which takes longer than most tests.

    True also where the kernel does not list the children.
    """
    try:
        return any(Path(thread, "children").read_text() for thread in Path("/proc/self/task").iterdir())
    except OSError:
        return True


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return PASSING  # it has ended


def _ports(process: psutil.Process) -> list[str]:
    connections = process.net_connections("inet")
    return [f"{c.laddr.ip}:{c.laddr.port}" for c in connections if c.status == psutil.CONN_LISTEN]


def _change(name: str, before: dict[str, str], now: dict[str, str]) -> str:
    how = "added" if name not in before else "removed" if name not in now else "changed"
    return f"{name} ({how})"


def _group_is_open() -> bool:
    distributed = sys.modules.get("torch.distributed")
    return bool(distributed and distributed.is_available() and distributed.is_initialized())
