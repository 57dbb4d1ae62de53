"""Data sets that can be fetched from the web: their files, their addresses and their checksums."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from manyhands.data.atomic_write import write_whole
from manyhands.data.store.location import WEB, locate
from manyhands.data.store.retries import RetryPolicy, Tell
from manyhands.data.store.web import WebStore
from manyhands.errors import DataError, UsageError, unknown

Moved = Callable[[int], None]


@dataclass(frozen=True)
class WebFile:
    """A file of a set, with its expected size and checksum."""

    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class WebSet:
    """A published data set."""

    name: str
    urls: tuple[str, ...]
    files: tuple[WebFile, ...]


def known_sets() -> dict[str, WebSet]:
    """The sets of `mirrors.toml` by name."""
    found = tomllib.loads((files("manyhands.data") / "mirrors.toml").read_text(encoding="utf-8"))
    return {
        name: WebSet(name, tuple(values["urls"]), tuple(WebFile(**file) for file in values["files"]))
        for name, values in found.items()
    }


def known_set(name: str) -> WebSet:
    """The set of this name; raises UsageError when there is none."""
    sets = known_sets()
    if name not in sets:
        raise unknown("set to fetch", name, sets, "manyhands data fetch --help")
    return sets[name]


def is_there(path: Path, file: WebFile) -> bool:
    """True when `path` already holds the right file."""
    if not path.is_file() or path.stat().st_size != file.bytes:
        return False
    with path.open("rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest() == file.sha256


def fetch_file(file: WebFile, urls: Sequence[str], target: Path, retries: RetryPolicy, tell: Tell, moved: Moved) -> str:
    """Downloads the file to `target` from the first of `urls` that has the right file, and returns that address.

    `moved` is called with the size of every block. Raises DataError, and writes no file, when no address has the right file;
    UsageError for an address that is not http(s).
    """
    problems = []
    for url in urls:
        location = locate(url)
        if location.scheme not in WEB:
            raise UsageError(f"--url {location} is not an http(s) address")
        store = WebStore(location, retries, tell)

        def receive(store: WebStore = store) -> None:
            write_whole(target, _checked(store.blocks(file.name), file, moved))

        try:
            retries.call(store.target(file.name), receive, tell)
        except DataError as error:
            problems.append(str(error))
            continue
        return url
    raise DataError("; ".join(problems))


def _checked(blocks: Iterator[bytes], file: WebFile, moved: Moved) -> Iterator[bytes]:
    """Passes the blocks on; raises DataError as soon as their size, or at the end their checksum, is not that of the file."""
    digest, size = hashlib.sha256(), 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        if size > file.bytes:
            break
        moved(len(block))
        yield block
    if size != file.bytes or digest.hexdigest() != file.sha256:
        raise DataError(f"{file.name} is another file than the one of sha256 {file.sha256[:12]}... there; name another --url")
