"""The interface of every store: list, read (a whole file or a byte range), write, delete; with retries, checks and counts."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from manyhands.data.inflate import Readable
from manyhands.data.store.failure import CUT, StoreProblem, StoreTarget
from manyhands.data.store.location import Location
from manyhands.data.store.retries import RetryPolicy, Tell

Answer = TypeVar("Answer")

BOOKKEEPING = ("xl.meta", "_SUCCESS", ".keep", ".DS_Store")
"""Names of files that stores and engines write beside the data."""
FOLDER_MARK = "_$folder$"


@dataclass(frozen=True)
class Entry:
    """A file or object; `name` is relative to the store's location, `size` in bytes."""

    name: str
    size: int

    @property
    def is_data(self) -> bool:
        """True for data; False for markers of empty folders and the store's own bookkeeping."""
        last = self.name.rpartition("/")[2]
        return self.size > 0 and last not in ("", *BOOKKEEPING) and not last.endswith(FOLDER_MARK)


class Store(ABC):
    """Files below one location. Safe to use from several threads; open it in the process that uses it.

    All methods raise DataError with a message of one line when something is missing or denied, or when the store does not answer
    within the time limits of `retries`.
    """

    can_list = True

    def __init__(self, location: Location, retries: RetryPolicy, tell: Tell) -> None:
        self.location = location
        self.retries = retries
        self.tell = tell
        self._lock = threading.Lock()
        self.bytes_moved = 0
        """Bytes of content read and written so far."""
        self.requests = 0
        """Requests that were answered in full."""

    @property
    @abstractmethod
    def endpoint(self) -> str:
        """Scheme, host and port of the server; empty for local files."""

    @property
    def source(self) -> str:
        """The location, as records show it."""
        return f"{self.location} at {self.endpoint}" if self.location.scheme == "s3" else str(self.location)

    def listing(self) -> list[Entry]:
        """All files below the location, sorted by name, including bookkeeping."""
        return self._ask("", self._listing)

    def sizes(self, names: Sequence[str]) -> dict[str, int]:
        """Name -> size in bytes, for those of `names` that exist."""
        known = {entry.name: entry.size for entry in self.listing()}
        return {name: known[name] for name in names if name in known}

    def read(self, name: str = "", start: int = 0, stop: int | None = None) -> Readable:
        """The bytes of `name` from `start` up to, but not including, `stop`. Without a `stop` the whole file; `start` is then 0.

        An empty name means the location itself.
        """

        def ask() -> Readable:
            content = self._read(name, start, stop)
            if stop is not None and len(content) != stop - start:
                raise StoreProblem(CUT)
            return content

        content = self._ask(name, ask)
        self._count(len(content))
        return content

    def write(self, content: Readable, name: str = "") -> None:
        """Writes the complete file `name`; an older file stays when writing fails."""
        self._ask(name, lambda: self._write(name, content))
        self._count(len(content))

    def delete(self, name: str = "") -> None:
        """Removes `name`; a missing file is no error."""
        self._ask(name, lambda: self._delete(name))

    @abstractmethod
    def prepare_writing(self) -> None:
        """Prepares the location for writing; raises DataError when it cannot be written. Call it before the work starts."""

    @abstractmethod
    def _listing(self) -> list[Entry]: ...

    @abstractmethod
    def _read(self, name: str, start: int, stop: int | None) -> Readable: ...

    @abstractmethod
    def _write(self, name: str, content: Readable) -> None: ...

    @abstractmethod
    def _delete(self, name: str) -> None: ...

    def target(self, name: str) -> StoreTarget:
        """The description of `name` for error messages."""
        return StoreTarget(self.location.of(name), self.location.root if self.location.scheme == "s3" else "", self.endpoint)

    def _ask(self, name: str, ask: Callable[[], Answer]) -> Answer:
        return self.retries.call(self.target(name), ask, self.tell)

    def _count(self, size: int) -> None:
        with self._lock:
            self.bytes_moved += size
            self.requests += 1
