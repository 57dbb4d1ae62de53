"""The IDX format: reads and writes arrays of its six types, plain or gzip, from a path or from bytes.

A file holds two zero bytes, a type code, the number of dimensions, each dimension as a big-endian 32-bit count, then the items.
Plain files are memory-mapped. The real size is compared with the header before any memory is allocated.
Source of the format: the last section of the MNIST page by LeCun, Cortes and Burges.
"""

from __future__ import annotations

import gzip
import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.atomic_write import write_whole
from manyhands.data.inflate import AGAIN, Readable, inflate, inflate_start, is_gzip, most_inflated
from manyhands.errors import DataError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_DIMENSIONS = 64
"""The limit of a numpy array; the format itself allows 255."""
MOST_ITEMS = 2**63 // 8 - 1
GZIP_LEVEL = 6
LONGEST_HEADER = 4 + 4 * 255

Array = NDArray[Any]


@dataclass(frozen=True)
class IdxHeader:
    """Type and shape of the array in an IDX file, from the first bytes of the file."""

    dtype: np.dtype[Any]
    """One of the six types of the format, big-endian as in the file."""
    shape: tuple[int, ...]

    @property
    def header_bytes(self) -> int:
        """Size of the header in the file."""
        return 4 + 4 * len(self.shape)

    @property
    def total_bytes(self) -> int:
        """Size of the whole uncompressed file."""
        return self.header_bytes + math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        return f"{self.dtype.name} of shape {self.shape}, {self.total_bytes} bytes"


def read_idx(source: Path | bytes) -> Array:
    """The array of an IDX file: read-only, items big-endian as in the file; a plain file is memory-mapped, not copied.

    gzip is recognised by its first bytes, not by the file name. Raises DataError when the file is missing, damaged, shorter or
    longer than its header says, or no IDX file.
    """
    return parse_idx(*_open(source))


def parse_idx(name: str, content: Readable) -> Array:
    """The array of a whole IDX file that is in memory, plain or gzip; error messages use `name` for it. See `read_idx`."""
    header = parse_header(name, content)
    if is_gzip(content):
        if header.total_bytes > most_inflated(len(content)):
            raise DataError(f"{name}: the header says {header}, more than {len(content)} compressed bytes can hold; {AGAIN}")
        content = inflate(name, content, header.total_bytes)
    if len(content) < header.total_bytes:
        raise DataError(f"{name}: truncated: the header says {header}, but there are {len(content)}; {AGAIN}")
    if len(content) > header.total_bytes:
        raise DataError(f"{name}: too long: the header says {header}, but there are more; {AGAIN}")
    array: Array = np.ndarray(header.shape, header.dtype, buffer=content, offset=header.header_bytes)
    array.flags.writeable = False
    return array


def read_header(source: Path | bytes) -> IdxHeader:
    """Type and shape of an IDX file without reading the rest. Raises DataError as `read_idx` does for a bad header."""
    return parse_header(*_open(source))


def write_idx(path: Path, array: Array) -> None:
    """Writes the whole `array` or nothing; as gzip when the name ends in .gz. The same array always gives the same bytes.

    Raises DataError when IDX does not have the type, when a dimension is too large, or when `path` cannot be written.
    """
    codes = {np.dtype(text): code for code, text in TYPES.items()}
    dtype = array.dtype.newbyteorder(">")
    if dtype not in codes:
        raise DataError(f"{path}: IDX has no type for {array.dtype}; use one of {_type_names()}")
    if max(array.shape, default=0) >= 2**32:
        raise DataError(f"{path}: a dimension of {max(array.shape)} does not fit IDX; use less than 2^32")
    header = struct.pack(f">HBB{array.ndim}I", 0, codes[dtype], array.ndim, *array.shape)
    items = np.ascontiguousarray(array, dtype).reshape(-1).view(np.uint8).data
    parts: list[Readable] = [header, items]
    write_whole(path, [gzip.compress(b"".join(parts), GZIP_LEVEL, mtime=0)] if path.name.endswith(".gz") else parts)


def _open(source: Path | bytes) -> tuple[str, Readable]:
    """The name for error messages, and the content; the content of a file is memory-mapped."""
    if isinstance(source, bytes):
        return "IDX bytes", source
    try:
        with source.open("rb") as file:
            if file.seek(0, 2) == 0:
                return str(source), b""
            return str(source), memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except FileNotFoundError:
        raise DataError(f"no file {source}; check the path") from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read {source}: {error}; check the path") from None


def parse_header(name: str, content: Readable) -> IdxHeader:
    """Type and shape of an IDX file; `content` must hold at least its first LONGEST_HEADER bytes."""
    start = inflate_start(name, content, LONGEST_HEADER) if is_gzip(content) else bytes(content[:LONGEST_HEADER])
    if len(start) < 4:
        raise DataError(f"{name}: truncated: {len(start)} bytes are too few for an IDX header; {AGAIN}")
    zeros, code, dimensions = struct.unpack(">HBB", start[:4])
    if zeros or code not in TYPES:
        raise DataError(
            f"{name}: not an IDX file: it starts with 0x{start[:4].hex()}, not with 0x0000 and a type of {_type_names()}"
        )
    if len(start) < 4 + 4 * dimensions:
        raise DataError(f"{name}: truncated: the header ends before its {dimensions} dimensions; {AGAIN}")
    if dimensions > MOST_DIMENSIONS:
        raise DataError(f"{name}: {dimensions} dimensions; at most {MOST_DIMENSIONS} can be held in an array")
    shape = struct.unpack(f">{dimensions}I", start[4 : 4 + 4 * dimensions])
    if math.prod(size for size in shape if size) > MOST_ITEMS:
        raise DataError(f"{name}: shape {shape} is larger than any array can be; {AGAIN}")
    return IdxHeader(np.dtype(TYPES[code]), shape)


def _type_names() -> str:
    return ", ".join(f"0x{code:02X} {np.dtype(text).name}" for code, text in TYPES.items())
