"""Files that may be stored in parts: either `NAME` itself, or the objects below `NAME/`, joined in the order of their keys.

One call reads all its files and parts in parallel.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

from manyhands.data.atomic_write import write_whole
from manyhands.data.inflate import Readable
from manyhands.data.store.base import Entry, Store
from manyhands.data.store.key_paths import safe_path
from manyhands.errors import DataError

AT_ONCE = 8
"""The largest number of parallel requests."""
NUMBER = re.compile(r"(\d+)(?!.*\d)")


@dataclass(frozen=True)
class StoredFile:
    """A file of a set, stored as one object or in parts."""

    name: str
    parts: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all parts together."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True)
class Span:
    """Bytes of one stored part, from `start` up to, but not including, `stop`; without a `stop` the whole part."""

    name: str
    start: int = 0
    stop: int | None = None


def find_files(store: Store, names: Sequence[str]) -> dict[str, StoredFile]:
    """The files among `names` that the store holds. Parts are found by listing, so behind http(s) only whole files are found.

    Raises DataError when the numbers of a file's parts have a gap.
    """
    if not store.can_list:
        return {name: StoredFile(name, (Entry(name, size),)) for name, size in store.sizes(names).items()}
    entries = [entry for entry in store.listing() if entry.is_data]
    found = {}
    for name in names:
        parts = tuple(entry for entry in entries if entry.name == name) or tuple(
            sorted((entry for entry in entries if entry.name.startswith(f"{name}/")), key=lambda entry: entry.name)
        )
        if parts:
            check_numbers(store, parts)
            found[name] = StoredFile(name, parts)
    return found


def check_numbers(store: Store, parts: Sequence[Entry]) -> None:
    """Raises DataError when the numbers in the names of the parts have a gap, in the order of the keys."""
    found = [NUMBER.search(part.name) for part in parts]
    if len(parts) < 2 or not all(found):
        return
    around = {(part.name[: hit.start()], part.name[hit.end() :]) for part, hit in zip(parts, found, strict=True) if hit}
    if len(around) > 1:
        return
    numbers = [int(hit[1]) for hit in found if hit]
    if numbers[0] > 1:
        numbers.insert(0, 0)  # parts are numbered from 0 or from 1
    for before, after in pairwise(numbers):
        if after != before + 1:
            (start, end) = next(iter(around))
            width = len(found[0][1]) if found[0] else 1
            missing = f"{start}{before + 1:0{width}d}{end}"
            raise DataError(
                f"{store.location}: part {missing} is missing before part {after};"
                " put it there, or number the parts with leading zeros, since they are joined in order of their keys"
            )


def read_spans(store: Store, spans: Sequence[Span]) -> list[Readable]:
    """The content of every span, in the given order, read in parallel."""
    if len(spans) == 1:
        return [store.read(spans[0].name, spans[0].start, spans[0].stop)]
    with ThreadPoolExecutor(min(AT_ONCE, max(1, len(spans)))) as threads:
        reads = [threads.submit(store.read, span.name, span.start, span.stop) for span in spans]
        try:
            return [read.result() for read in reads]
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def read_files(store: Store, files: Sequence[StoredFile]) -> list[list[Readable]]:
    """The content of the parts of every file, all read in parallel."""
    contents = iter(read_spans(store, [Span(part.name) for file in files for part in file.parts]))
    return [[next(contents) for _ in file.parts] for file in files]


def part_spans(file: StoredFile, start: int, stop: int) -> list[Span]:
    """The byte ranges of the parts that together are bytes `start` up to, but not including, `stop` of the joined file."""
    ends = list(accumulate(part.size for part in file.parts))
    spans = []
    for part, end in zip(file.parts, ends, strict=True):
        begin = end - part.size
        if begin < stop and start < end:
            spans.append(Span(part.name, max(start, begin) - begin, min(stop, end) - begin))
    return spans


def join(contents: Sequence[Readable]) -> Readable:
    """The contents joined in order; a single content is returned without a copy."""
    return contents[0] if len(contents) == 1 else b"".join(contents)


def files_below(store: Store, folder: str) -> list[StoredFile]:
    """The files in `folder`, or all files when the folder has none; raises DataError when the store has no files."""
    entries = [entry for entry in store.listing() if entry.is_data]
    found = [entry for entry in entries if entry.name.startswith(f"{folder}/")] or entries
    if not found:
        raise DataError(f"nothing at {store.source}; 'manyhands data ls {store.location}' shows what there is")
    return [StoredFile(entry.name, (entry,)) for entry in found]


def download(store: Store, files: Sequence[StoredFile], folder: Path) -> None:
    """Writes every file, its parts joined, under its name below `folder`; raises DataError for a name that leads outside."""
    targets = [safe_path(folder, file.name) for file in files]
    for target, file in zip(targets, files, strict=True):
        write_whole(target, read_files(store, [file])[0])
