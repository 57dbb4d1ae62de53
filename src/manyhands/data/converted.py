"""Reads and checks a real table once, and keeps it in the cache as parts of plain numbers for all later runs.

All engines then start from the same rows in the same form, and a file that does not fit in memory is read in chunks, once.
The cache key includes the file's path, size and time, so a changed file is read again.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from manyhands.atomic_write import temporary_beside
from manyhands.data.atomic_write import write_whole
from manyhands.data.make import cache_dir
from manyhands.data.row_parts import Part, Rows
from manyhands.errors import DataError

FORMAT = 3
"""Increase this number when the conversion of a file changes."""
MANIFEST = "manifest.json"


def converted(files: Sequence[Path], options: Mapping[str, Any], convert: Callable[[Path], dict[str, Any]]) -> dict[str, Any]:
    """The manifest of these files, from the cache or newly made by `convert`; `rows_of` reads the rows that it names.

    `convert(folder)` writes parts into `folder` and returns a manifest of plain values. Raises DataError when `convert` raises
    it, when its rows do not fit in memory, or when the cache cannot be written.
    """
    folder = cache_dir() / "converted" / f"{files[0].name.split('.')[0][:60]}-{_key(files, options)}"
    if not (folder / MANIFEST).is_file():
        _make(folder, files[0], convert)
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
    return manifest | {"folder": str(folder)}


def rows_of(manifest: Mapping[str, Any], role: str) -> Rows:
    """The rows of one role, `train` or `test`, of a manifest."""
    folder = Path(manifest["folder"])
    parts = []
    for name, rows in manifest[role]:
        y = folder / f"{name}-y.npy"
        parts.append(Part(str(folder / f"{name}-x.npy"), str(y) if manifest["labelled"] else None, rows))
    return Rows(tuple(parts), tuple(manifest["columns"]), manifest["dtype"])


def _key(files: Sequence[Path], options: Mapping[str, Any]) -> str:
    seen = []
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}; check the path") from None
        seen.append([str(path.resolve()), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps([FORMAT, seen, options], sort_keys=True).encode()).hexdigest()[:16]


def _make(folder: Path, file: Path, convert: Callable[[Path], dict[str, Any]]) -> None:
    temporary = temporary_beside(folder)
    try:
        temporary.mkdir(parents=True)
        write_whole(temporary / MANIFEST, [json.dumps(convert(temporary)).encode()])
        temporary.rename(folder)
    except MemoryError:
        raise DataError(
            f"{file}: its rows and columns do not fit in the memory that this process may use; leave some out, or raise the limit"
        ) from None
    except OSError as error:
        if not (folder / MANIFEST).is_file():  # otherwise another process has just made the same folder
            raise DataError(f"cannot make {folder}: {error.strerror or error}; MANYHANDS_CACHE names another cache") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
