"""A process that ends with its parent, and a process that adopts orphans (Linux).

Importing this file takes a few milliseconds, so that a new process can call it before all other imports.
"""

from __future__ import annotations

import ctypes
import os
import signal

PARENT = "MANYHANDS_PARENT"
"""Environment variable: the number of the process that starts a guard, a driver, or a worker of torchrun or Fabric."""
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """Makes this process the parent of descendants that lose theirs, so that no process of a run is lost."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(of_driver: bool = True) -> None:
    """Makes the kernel kill this process when the process that started it dies.

    `of_driver`: the parent called this function too, or started the driver, and so left its number in PARENT. When it died before
    this call, this process ends at once.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = os.environ.get(PARENT)
    if of_driver and parent and int(parent) != os.getppid():
        os._exit(1)
    os.environ[PARENT] = str(os.getpid())


def end_with_parent(parent: int | None = None) -> None:
    """Makes the kernel send this process SIGTERM when the thread that started it ends, so that it can clear away first.

    `parent`: the number of the process that started it; when that died before this call, this process ends at once.
    """
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if parent is not None and parent != os.getppid():
        os._exit(1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
