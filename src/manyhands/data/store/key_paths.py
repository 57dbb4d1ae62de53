"""The local path of an object key. Keys come from other people, so they must not lead outside the folder of the download."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from manyhands.data.store.location import printable
from manyhands.errors import DataError


def safe_path(folder: Path, name: str) -> Path:
    """`folder / name`; raises DataError when this path, links included, is not below `folder`."""
    parts = name.split("/")
    odd = any(part in ("", ".", "..") for part in parts) or "\\" in name or not name.isprintable() or PureWindowsPath(name).drive
    root = folder.resolve()
    if odd or not (root / name).parent.resolve().is_relative_to(root):
        raise DataError(
            f"the key {printable(name)!r} would not stay below {folder}; rename it in the store, or fetch the others one by one"
        )
    return root / name
