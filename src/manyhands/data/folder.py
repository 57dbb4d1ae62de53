"""Which folder of real data a run uses, and which of several file names lie in it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from manyhands.errors import DataError

VARIABLE = "MANYHANDS_DATA"


def data_dir(given: str | None) -> Path | None:
    """The folder of real data: `given`, else the one that MANYHANDS_DATA names, else None for the embedded data.

    Raises DataError when there is no such folder.
    """
    name = given or os.environ.get(VARIABLE)
    if not name:
        return None
    folder = Path(name).expanduser()
    if not folder.is_dir():
        said_by = "--data-dir" if given else VARIABLE
        raise DataError(f"no folder {folder} ({said_by}); name an existing one, or none for the embedded data")
    return folder


def first_file(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first file of these names, tried in order, in the first folder that has one; None when there is none."""
    wanted = list(names)
    return next((folder / name for folder in folders for name in wanted if (folder / name).is_file()), None)
