"""Finds the folder of real data that a run uses, and the first existing file among several names."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from manyhands.errors import DataError

VARIABLE = "MANYHANDS_DATA"


def data_dir(given: str | None) -> Path | None:
    """The folder of real data: `given`, or the folder in MANYHANDS_DATA; None means the embedded data.

    Raises DataError when the folder does not exist.
    """
    name = given or os.environ.get(VARIABLE)
    if not name:
        return None
    folder = Path(os.path.expanduser(name))
    if not folder.is_dir():
        source = "--data" if given else VARIABLE
        raise DataError(f"no folder {folder} ({source}); name an existing one, or none for the embedded data")
    return folder


def first_file(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first existing file with one of these names, in the first folder that has one; None when no folder has one."""
    wanted = list(names)
    return next((folder / name for folder in folders for name in wanted if (folder / name).is_file()), None)
