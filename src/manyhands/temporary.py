"""Temporary folders of runs: named after their process, removed by it, and swept up later when it was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from manyhands.machine import host_name


def own_prefix() -> str:
    """The start of the names of this host's temporary folders; hosts may share the parent folder."""
    return f"manyhands-{zlib.crc32(host_name().encode()):08x}-"


def make_folder(what: str = "") -> Path:
    """A new folder of this process; `what`, its purpose, is part of its name."""
    return Path(tempfile.mkdtemp(prefix=f"{own_prefix()}{os.getpid()}-{what}"))


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder of this process that is removed afterwards."""
    folder = make_folder()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep_leftovers() -> None:
    """Removes the folders of killed processes of this host."""
    for folder in Path(tempfile.gettempdir()).glob(f"{own_prefix()}*-*"):
        owner = owner_of(folder)
        if owner is not None and not psutil.pid_exists(owner):
            shutil.rmtree(folder, ignore_errors=True)


def owner_of(folder: Path) -> int | None:
    """The number of the process of this host that made a temporary folder; None for any other folder."""
    start, _, rest = folder.name.partition(own_prefix())
    number = rest.partition("-")[0]
    return int(number) if not start and number.isdigit() else None
