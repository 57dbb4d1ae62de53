"""Atomic writes: a file is written under a temporary name beside the target, then renamed over it.

In: a path and the bytes. Out: the complete file, or DataError and an unchanged folder.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from manyhands.errors import DataError


def temporary_beside(path: Path) -> Path:
    """A hidden name in the same folder as `path` that no other process uses."""
    return path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.part")


def write_whole(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes `parts` one after the other as the file `path`, and makes its folder if it is missing.

    Raises DataError when the folder cannot be written or the disk is full; an older file of that name then stays.
    """
    temporary = temporary_beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _remove(temporary)
        raise DataError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose a folder that you can write"
        ) from None
    except BaseException:
        _remove(temporary)
        raise


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the folder cannot be written or does not exist, so it holds no temporary file
