"""One measured run at a time on a machine: a second run waits, because two runs at once would disturb each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds this user's lock on measuring; calls `waiting` once when another run holds it. The lock is free when its holder dies."""
    path = Path(tempfile.gettempdir()) / f"manyhands-{os.getuid()}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
