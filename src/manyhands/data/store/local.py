"""A store on this machine: a folder or a file."""

from __future__ import annotations

import os
from pathlib import Path

from manyhands.data.atomic_write import write_whole
from manyhands.data.inflate import AGAIN, Readable
from manyhands.data.store.base import Entry, Store
from manyhands.errors import DataError


class LocalStore(Store):
    """Files below a path; the listing leaves out hidden files."""

    @property
    def endpoint(self) -> str:
        return ""

    @property
    def root(self) -> Path:
        """The folder or file of the location."""
        return Path(os.path.expanduser(self.location.path))

    def path(self, name: str) -> Path:
        """The path of `name`; an empty `name` means the location itself."""
        return self.root / name if name else self.root

    def prepare_writing(self) -> None:
        folder = self.root.parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"cannot make {folder}: {error.strerror}; choose a folder that you can write") from None
        if self.root.is_dir():
            raise DataError(f"{self.root} is a folder; name a file in it")
        if not os.access(folder, os.W_OK):
            raise DataError(f"cannot write into {folder}; choose a folder that you can write")

    def _listing(self) -> list[Entry]:
        if not self.root.is_dir():
            raise DataError(f"no folder {self.root}; check the path")
        found = []
        for folder, inner, names in os.walk(self.root):
            inner[:] = [name for name in inner if not name.startswith(".")]
            paths = [Path(folder, name) for name in names if not name.startswith(".")]
            found += [Entry(str(path.relative_to(self.root)), path.stat().st_size) for path in paths if path.is_file()]
        return sorted(found, key=lambda entry: entry.name)

    def _read(self, name: str, start: int, stop: int | None) -> Readable:
        path = self.path(name)
        try:
            with path.open("rb") as file:
                file.seek(start)
                content = file.read() if stop is None else file.read(stop - start)
        except FileNotFoundError:
            raise DataError(f"no file {path}; check the path") from None
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}; check the path") from None
        if stop is not None and len(content) < stop - start:
            raise DataError(f"{path} ends before byte {stop}; {AGAIN}")
        return content

    def _write(self, name: str, content: Readable) -> None:
        write_whole(self.path(name), [content])

    def _delete(self, name: str) -> None:
        try:
            self.path(name).unlink(missing_ok=True)
        except OSError as error:
            raise DataError(f"cannot remove {self.path(name)}: {error.strerror}") from None
