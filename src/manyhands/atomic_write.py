"""Atomic writes: a file is written without a name, gets a temporary one beside the target when it is whole, and is renamed over it.

So a full disk, a limit or a kill in the middle leaves the older file as it was, and no other file.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO


def temporary_beside(path: Path) -> Path:
    """A hidden name in the same folder as `path` that no other process uses."""
    return path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.part")


def write_file(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Writes `parts` one after the other as the file `path`, whole or not at all; makes its folder if it is missing.

    A link stays a link, to the new content; a file keeps its permissions. What is no regular file, such as /dev/stdout, is written
    to directly. Raises OSError; an older file of that name then stays.
    """
    target = Path(os.path.realpath(path))  # unlike Path.resolve, it takes a loop of links
    if target.exists() and not target.is_file():
        with path.open("wb") as file:
            file.writelines(parts)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_beside(target)
    try:
        with _new_file(temporary) as file:
            if target.exists():
                os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
            if not temporary.exists():  # the unused descriptor of a folder makes Python follow the link in /proc
                os.link(f"/proc/self/fd/{file.fileno()}", temporary, src_dir_fd=file.fileno())
        temporary.replace(target)
    except BaseException:
        _remove(temporary)
        raise


def _new_file(temporary: Path) -> BinaryIO:
    """A new file in the folder of `temporary`, without a name; on file systems without such files it has that name."""
    try:
        return os.fdopen(os.open(temporary.parent, os.O_TMPFILE | os.O_WRONLY, 0o666), "wb")
    except OSError:
        return temporary.open("xb")


def same_file(one: Path, other: Path) -> bool:
    """True when both paths lead to one file, by any links, folders and spellings."""
    try:
        return one.samefile(other)
    except OSError:  # a folder on the way does not exist, and `..` leaves it again
        return os.path.realpath(one) == os.path.realpath(other)


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return  # the folder cannot be written or does not exist, so it holds no temporary file
