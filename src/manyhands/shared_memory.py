"""Semaphores of joblib's pools in /dev/shm: a pool that is killed together with its tracker leaves them behind."""

from __future__ import annotations

import os
import re
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

FOLDER = Path("/dev/shm")
SEMAPHORE = re.compile(r"sem\.loky-(\d+)-\w+")
"""The name of a semaphore of joblib's pool loky, with the number of the process that has made it."""


def remove_semaphores(processes: Container[int]) -> None:
    """Removes the semaphores that these processes have made and not removed; call it once they all have ended."""
    with suppress(OSError):
        for name in os.listdir(FOLDER):
            if (found := SEMAPHORE.fullmatch(name)) and int(found[1]) in processes:
                with suppress(OSError):
                    (FOLDER / name).unlink()
