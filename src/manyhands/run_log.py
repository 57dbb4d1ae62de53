"""The output of a run, kept small: the middle of a long file is given back to the disk, and only its ends are read.

A script may print a gigabyte. Linux frees any part of a file (`fallocate` with a hole) while its writer goes on.
"""

from __future__ import annotations

import ctypes
import os
import re
from itertools import takewhile
from pathlib import Path

LONGEST = 64 * 2**20
"""Bytes of output that stay on the disk as they are."""
END = 2**20
"""Bytes at the beginning and at the end that stay of longer output."""
BLOCK = 4096
KEEP_SIZE, PUNCH_HOLE = 1, 2
"""Flags of fallocate(2)."""


def outputs(folder: Path) -> list[Path]:
    """The files that a run prints to: the driver's log, then the workers of a script."""
    return [folder / "log", *sorted(folder.glob("engine/script-*/*.out"))]


def shorten(path: Path) -> None:
    """Frees the disk space of the middle of a long file; does nothing where the file system cannot."""
    try:
        size = path.stat().st_size
        if size <= LONGEST:
            return
        with path.open("r+b") as file:
            start, end = END, (size - END) // BLOCK * BLOCK
            call = ctypes.CDLL(None).fallocate
            call.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64]
            call(file.fileno(), KEEP_SIZE | PUNCH_HOLE, start, end - start)
    except OSError:
        return


def ends_of(path: Path) -> bytes:
    """The content of a file; of a long one its beginning, a line with the bytes that are left out, and its end."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= 2 * END:
            return file.read()
        first = file.read(END)
        file.seek(size - END)
        return first + f"\n... {size - 2 * END} bytes left out ...\n".encode() + file.read()


def reason_of_abort(lines: list[str]) -> str | None:
    """The message of the C++ exception that ended a process, without its stack trace; None when the lines have none.

    XGBoost's tracker ends its process in this way when it cannot reach a worker any more.
    """
    begins = [number for number, line in enumerate(lines) if line.startswith("what():")]
    if not begins:
        return None
    message = list(takewhile(lambda line: not line.startswith("Stack trace"), lines[begins[-1] :]))
    return re.sub(r"^(- |what\(\):)?\s*(\[[^]]*\]:?\s*)*", "", message[-1])


def last_lines(path: Path, most_bytes: int = 2**16) -> list[str]:
    """The last lines of a file that are not blank; none when there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most_bytes))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return []
    return [line.strip() for line in text.splitlines() if line.strip()]
