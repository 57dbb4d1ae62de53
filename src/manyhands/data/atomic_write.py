"""Data files are written whole or not at all; an error that the user can act on is a DataError."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from manyhands.atomic_write import write_file
from manyhands.errors import DataError


def write_whole(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes `parts` one after the other as the file `path`, and makes its folder if it is missing.

    Raises DataError when the folder cannot be written or the disk is full; an older file of that name then stays.
    """
    try:
        write_file(path, parts)
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror or error}; make room, or choose a folder that you can write"
        ) from None
