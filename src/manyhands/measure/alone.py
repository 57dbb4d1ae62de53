"""One measured run at a time on a machine: a second run waits, because two runs at once would disturb each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from manyhands.errors import EngineError

VARIABLE = "MANYHANDS_LOCK"
"""Environment variable: the file of the lock, for users who know that runs do not disturb each other."""
FOLDER = Path("/tmp")
"""The folder of the lock. Not that of TMPDIR, which differs from run to run: the lock belongs to the machine and the user."""


def lock_file() -> Path:
    """The file whose lock a measured run holds."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    return (FOLDER if FOLDER.is_dir() else Path(tempfile.gettempdir())) / f"manyhands-{os.getuid()}.lock"


@contextmanager
def alone(waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds this user's lock on measuring; calls `waiting` once when another run holds it. The lock is free when its holder dies.

    Raises EngineError when the file of the lock cannot be opened.
    """
    path = lock_file()
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EngineError(
            f"cannot open {path}, which keeps two runs of a machine apart: {error.strerror}; remove it, or set {VARIABLE} to another file"
        ) from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
