"""Bounded gzip decompression with isal: never returns more bytes than the caller allows, even when the file is malicious.

In: compressed bytes and the expected size. Out: the bytes, or DataError. Several gzip members in a row are one file.
"""

from __future__ import annotations

import lzma
from pathlib import Path
from typing import IO, cast

from manyhands.errors import DataError

Readable = bytes | memoryview

MAGIC = b"\x1f\x8b"
XZ_MAGIC = b"\xfd7zXZ"
GZIP = 31
"""zlib's `wbits` for a gzip header and a checked trailer."""
DEFLATE_RATIO = 1032
"""The largest ratio of a deflate stream: 258 bytes from 2 bits (RFC 1951)."""
START_BYTES = 1 << 16
AGAIN = "fetch it again, or remake embedded data with 'manyhands data make'"


def damage() -> type[Exception]:
    """The exception that isal raises for a damaged stream."""
    from isal import isal_zlib

    return cast(type[Exception], isal_zlib.error)


def open_gzip(path: Path) -> IO[bytes]:
    """The decompressed bytes of a gzip file as a stream, without a size limit."""
    from isal import igzip

    return cast(IO[bytes], igzip.open(path, "rb"))  # type: ignore[no-untyped-call]  # isal has no type there


def open_plain(path: Path) -> IO[bytes]:
    """The decompressed bytes of a plain, .gz or .xz file as a stream; the format is recognised by the first bytes, not the name."""
    with path.open("rb") as file:
        start = file.read(len(XZ_MAGIC))
    if start.startswith(MAGIC):
        return open_gzip(path)
    return lzma.open(path, "rb") if start == XZ_MAGIC else path.open("rb")


def is_gzip(content: Readable) -> bool:
    """True when `content` starts with the two bytes of a gzip file."""
    return bytes(content[:2]) == MAGIC


def most_inflated(compressed_bytes: int) -> int:
    """The largest number of bytes that a gzip file of `compressed_bytes` can hold."""
    return DEFLATE_RATIO * compressed_bytes


def inflate(name: str, content: Readable, expected_bytes: int) -> bytes:
    """The decompressed bytes of `content`, but never more than `expected_bytes + 1`.

    Raises DataError, which begins with `name`, when the gzip data is truncated, damaged (checksums included) or followed by
    other data.
    """
    from isal import isal_zlib

    parts: list[bytes] = []
    room = expected_bytes + 1
    while room:
        member = isal_zlib.decompressobj(GZIP)
        try:
            parts.append(member.decompress(content, room))
        except damage() as error:
            raise DataError(f"{name}: damaged gzip ({error}); {AGAIN}") from None
        room -= len(parts[-1])
        if not member.eof:
            if room:
                raise DataError(f"{name}: truncated gzip; {AGAIN}")
            break
        content = member.unused_data
        if not content.strip(b"\0"):  # gzip(1) reads files that are padded with zeros
            break
        if not is_gzip(content):
            raise DataError(f"{name}: {len(content)} bytes that are not gzip follow the gzip data; {AGAIN}")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def inflate_start(name: str, content: Readable, most_bytes: int) -> bytes:
    """The first `most_bytes` decompressed bytes of `content`, or fewer when it holds fewer; checksums are not verified."""
    from isal import isal_zlib

    try:
        return bytes(isal_zlib.decompressobj(GZIP).decompress(content[:START_BYTES], most_bytes))
    except damage() as error:
        raise DataError(f"{name}: damaged gzip ({error}); {AGAIN}") from None
