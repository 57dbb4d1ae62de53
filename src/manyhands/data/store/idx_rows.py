"""IDX files in a store: reads whole files, or only some rows, which are one byte range of a plain file.

The parts of a file are either pieces of its bytes, or complete IDX files whose rows follow each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from manyhands.data.idx import LONGEST_HEADER, Array, IdxHeader, parse_header, parse_idx
from manyhands.data.inflate import AGAIN, Readable, is_gzip
from manyhands.data.store.base import Entry, Store
from manyhands.data.store.multipart_files import Span, StoredFile, join, part_spans, read_files, read_spans
from manyhands.errors import DataError


def read_whole(store: Store, files: Sequence[StoredFile]) -> list[Array]:
    """The array of every file; all are read at the same time. Raises DataError when one is damaged or incomplete."""
    return [assemble(store, file, parts) for file, parts in zip(files, read_files(store, files), strict=True)]


def assemble(store: Store, file: StoredFile, contents: Sequence[Readable]) -> Array:
    """Joins the parts of a file, which are in memory, to one array."""
    name = store.location.of(file.name)
    if len(contents) == 1:
        return parse_idx(name, contents[0])
    try:
        first = parse_idx(store.location.of(file.parts[0].name), contents[0])
    except DataError:
        return parse_idx(name, join(contents))
    others = [
        parse_idx(store.location.of(part.name), content) for part, content in zip(file.parts[1:], contents[1:], strict=True)
    ]
    arrays = [first, *others]
    _check_alike(name, [(array.dtype, array.shape) for array in arrays])
    return np.concatenate(arrays)


@dataclass(frozen=True)
class RowFile:
    """A plain IDX file with known headers, so that single rows can be read."""

    name: str
    pieces: tuple[tuple[StoredFile, IdxHeader], ...]
    """The file itself, or all of its parts when each part is a complete IDX file."""

    @property
    def rows(self) -> int:
        """The number of rows in all pieces."""
        return sum(header.shape[0] for _, header in self.pieces)

    def spans(self, rows: range) -> list[Span]:
        """The byte ranges of contiguous rows."""
        spans, before = [], 0
        for file, header in self.pieces:
            here = range(max(rows.start - before, 0), min(rows.stop - before, header.shape[0]))
            if here:
                row_bytes = (header.total_bytes - header.header_bytes) // header.shape[0]
                spans += part_spans(
                    file, header.header_bytes + here.start * row_bytes, header.header_bytes + here.stop * row_bytes
                )
            before += header.shape[0]
        return spans

    def array(self, contents: Sequence[Readable], rows: range) -> Array:
        """The array of `rows` from the contents of their spans."""
        header = self.pieces[0][1]
        array: Array = np.frombuffer(join(contents), header.dtype).reshape(len(rows), *header.shape[1:])
        array.flags.writeable = False
        return array


def open_rows(store: Store, files: Sequence[StoredFile]) -> list[RowFile | None]:
    """Every file with its headers, read in parallel; None for a compressed file, which can only be read as a whole.

    Raises DataError when a header is damaged, or does not match the size of the file.
    """
    starts = read_spans(store, [_start(file.parts[0]) for file in files])
    return [None if is_gzip(start) else _row_file(store, file, start) for file, start in zip(files, starts, strict=True)]


def _row_file(store: Store, file: StoredFile, start: Readable) -> RowFile:
    name = store.location.of(file.name)
    header = parse_header(name, start)
    if header.total_bytes == file.size and header.shape:
        return RowFile(name, ((file, header),))
    if len(file.parts) == 1 or header.total_bytes != file.parts[0].size:
        kind = "truncated" if header.total_bytes > file.size else "too long"
        missing = ", so a part may be missing" if len(file.parts) > 1 else ""
        raise DataError(f"{name}: {kind}: the header says {header}, but there are {file.size}{missing}; {AGAIN}")
    pieces = [StoredFile(part.name, (part,)) for part in file.parts]
    others = read_spans(store, [_start(part) for part in file.parts[1:]])
    headers = [
        header,
        *(parse_header(store.location.of(part.name), other) for part, other in zip(file.parts[1:], others, strict=True)),
    ]
    for part, own in zip(file.parts, headers, strict=True):
        if own.total_bytes != part.size:
            raise DataError(f"{store.location.of(part.name)}: the header says {own}, but there are {part.size}; {AGAIN}")
    _check_alike(name, [(own.dtype, own.shape) for own in headers])
    return RowFile(name, tuple(zip(pieces, headers, strict=True)))


def _start(part: Entry) -> Span:
    return Span(part.name, 0, min(part.size, LONGEST_HEADER))


def _check_alike(name: str, found: Sequence[tuple[np.dtype[np.generic], tuple[int, ...]]]) -> None:
    kinds = {(str(dtype), shape[1:]) for dtype, shape in found}
    if len(kinds) > 1 or not found[0][1]:
        raise DataError(f"{name}: its parts are of different types or shapes; {AGAIN}")
