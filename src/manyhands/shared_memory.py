"""Semaphores in /dev/shm: a pool of processes that is killed together with its resource tracker leaves them behind."""

from __future__ import annotations

import os
import re
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/dev/shm")
SEMAPHORE = re.compile(r"sem\.loky-(\d+)-\w+")
"""The name of a semaphore of joblib's pool loky, with the number of the process that has made it."""


def is_tracker(pid: int) -> bool:
    """True for a resource tracker of Python or joblib: it ends by itself once all processes that use its semaphores have ended."""
    try:
        return b"resource_tracker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def remove_semaphores(processes: Container[int]) -> None:
    """Removes the semaphores that these processes have made and not removed; call it once they all have ended."""
    with suppress(OSError):
        for name in os.listdir(FOLDER):
            if (found := SEMAPHORE.fullmatch(name)) and int(found[1]) in processes:
                with suppress(OSError):
                    (FOLDER / name).unlink()
