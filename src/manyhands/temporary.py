"""Temporary folders of runs: named after their process and its start, removed by it, and swept up later when it was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyhands.machine import host_name

REMOVALS = 3
"""Tries to remove a folder: a process that is just ending may write into it."""


def own_prefix() -> str:
    """The start of the names of this host's temporary folders; hosts may share the parent folder."""
    return f"manyhands-{zlib.crc32(host_name().encode()):08x}-"


def make_folder(what: str = "") -> Path:
    """A new folder of this process; `what`, its purpose, is part of its name."""
    pid = os.getpid()
    return Path(tempfile.mkdtemp(prefix=f"{own_prefix()}{pid}-{start_of(pid)}.{what}"))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of this process that is removed afterwards."""
    folder = make_folder()
    try:
        yield folder
    finally:
        for _ in range(REMOVALS):
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break


def sweep_leftovers() -> None:
    """Removes the folders of killed processes of this host."""
    for folder in Path(tempfile.gettempdir()).glob(f"{own_prefix()}*-*"):
        if is_left_over(folder):
            shutil.rmtree(folder, ignore_errors=True)


def is_left_over(folder: Path) -> bool:
    """True when the folder was made by `make_folder` in a process of this host that has ended.

    A container gives the same number to another process each time it starts, so the process is also known by its start.
    """
    before, _, rest = folder.name.partition(own_prefix())
    number, _, rest = rest.partition("-")
    if before or not number.isdigit():
        return False
    now = start_of(int(number))
    start = rest.partition(".")[0]
    return now is None or (start.isdigit() and int(start) != now)


def start_of(pid: int) -> int | None:
    """The start of a process in clock ticks since the system's start (proc(5), stat, field 22); None when there is no such process."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19])
    except OSError:
        return None
