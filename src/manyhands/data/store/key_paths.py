"""Where a key may lie on this machine: keys are written by others, and must not reach outside the folder they are fetched to."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from manyhands.data.store.location import printable
from manyhands.errors import DataError


def safe_path(folder: Path, name: str) -> Path:
    """`folder / name`; raises DataError when that is no place below `folder`, also because a link in it leads out."""
    parts = name.split("/")
    odd = any(part in ("", ".", "..") for part in parts) or "\\" in name or not name.isprintable() or PureWindowsPath(name).drive
    root = folder.resolve()
    if odd or not (root / name).parent.resolve().is_relative_to(root):
        raise DataError(
            f"the key {printable(name)!r} would not stay below {folder}; rename it in the store, or fetch the others one by one"
        )
    return root / name
