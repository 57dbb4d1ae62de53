"""Seeded mutations of a file: of its bytes, of its text by tokens, and of the values in a JSON document.

The same seed, reader and number always give the same input, so every finding can be made again.
"""

from __future__ import annotations

import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

NUMBERS = (
    *(
        "0",
        "-1",
        "-0",
        "1",
        "2",
        "3.5",
        "1e308",
        "1e999",
        "-1e999",
        "1e-320",
        "nan",
        "inf",
        "-inf",
        "NaN",
        "Infinity",
        "true",
        "",
    ),
    *("2147483648", "4294967296", "100000000", "99999999999", "9223372036854775808", "9" * 30, "9" * 400, "0x10", "1_000", "1,5"),
)
SIGNS = (
    ",",
    ";",
    "\t",
    ":",
    " ",
    "\n",
    "\r\n",
    "\r",
    '"',
    "'",
    "#",
    "|",
    "\0",
    "\\",
    "=",
    "{",
    "}",
    "[",
    "]",
    "\ufeff",
    "é",
    "\u2028",
    "-",
    ".",
)
TOKEN = re.compile(rb"[A-Za-z_]+|[-+]?[0-9.]+|[^A-Za-z_0-9]")
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, -3, 2.5, 1e308, 10**400, 2**63, "", "two", "1", "\0", "\n", "<b>", "é", "a" * 5000),
    *([], [1], [[]], [None], ["a", 1], {}, {"a": 1}, {"": None}, {"epochs": []}),
)
SMALL = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 4096}]
"""Settings of xz for small files; its own take longer to begin than to pack."""
PACKED: dict[bytes, tuple[Callable[[bytes], bytes], Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": (gzip.decompress, lambda content: gzip.compress(content, 1, mtime=0)),
    b"\xfd7zX": (lzma.decompress, lambda content: lzma.compress(content, filters=SMALL)),
}
"""First bytes of a compressed file -> how it is unpacked and packed."""


def mutated(content: bytes, chance: Random) -> bytes:
    """Another file than `content`: its bytes, its tokens or its values are changed once or a few times."""
    packed = next((ways for start, ways in PACKED.items() if content.startswith(start)), None)
    if packed and chance.random() < 0.6:
        unpack, pack = packed
        with suppress(OSError, EOFError, zlib.error, lzma.LZMAError):  # a splice is no whole file
            return pack(mutated(unpack(content), chance))
    if content[:1] in (b"[", b"{") and chance.random() < 0.6:
        with suppress(ValueError):  # a document that was cut is changed as text
            return _of_json(content, chance)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        content = chance.choice((_of_bytes, _of_tokens, _of_tokens, _of_lines))(content, chance)
    return content


def _of_bytes(content: bytes, chance: Random) -> bytes:
    """A bit, a byte or a span of bytes is changed, left out, doubled, or put elsewhere."""
    if not content:
        return chance.randbytes(chance.randrange(20))
    place = chance.randrange(len(content))
    end = min(len(content), place + chance.choice((1, 1, 2, 4, 16, len(content))))
    span = content[place:end]
    new = chance.choice(
        (
            bytes([span[0] ^ 1 << chance.randrange(8)]) + span[1:],
            bytes([chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))]) + span[1:],
            chance.randbytes(len(span)),
            b"",
            span * 2,
            span[::-1],
            span * chance.choice((3, 50)),
        )
    )
    return content[:place] + new + (content[end:] if chance.random() < 0.95 else b"")


def _of_tokens(content: bytes, chance: Random) -> bytes:
    """A word, a number or a sign becomes another one."""
    token = content and TOKEN.search(content, chance.randrange(len(content)))
    if not token:
        return _of_bytes(content, chance)
    other = TOKEN.search(content, chance.randrange(len(content)))
    new = chance.choice((chance.choice(NUMBERS), chance.choice(NUMBERS), chance.choice(SIGNS), "")).encode()
    if other and chance.random() < 0.2:
        new = other.group()
    keep = chance.random() < 0.3
    return content[: token.end() if keep else token.start()] + new + content[token.end() :]


def _of_lines(content: bytes, chance: Random) -> bytes:
    """A line is left out, doubled, cut, moved, or joined with the next."""
    lines = content.splitlines(keepends=True)
    if len(lines) < 2:
        return _of_tokens(content, chance)
    place = chance.randrange(len(lines))
    line = lines.pop(place)
    new = chance.choice(
        ([], [line, line], [line[: chance.randrange(len(line) + 1)]], [line.rstrip(b"\r\n")], [b"\n"], [line] * 40)
    )
    lines[place:place] = new
    if chance.random() < 0.2:
        lines.insert(chance.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _of_json(content: bytes, chance: Random) -> bytes:
    """One or a few values of one line of JSON become another kind of value."""
    lines = content.splitlines(keepends=True)
    place = chance.randrange(len(lines))
    values = json.loads(lines[place])
    if chance.random() < 0.02:
        values = chance.choice(VALUES)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        change_value(values, chance)
    lines[place] = json.dumps(values).encode() + b"\n"
    if chance.random() < 0.01:
        deep = chance.choice((30, 90, 900, 100_000))
        lines[place] = lines[place].replace(b"null", b"[" * deep + b"]" * deep, 1)
    return b"".join(lines)


def change_value(values: Any, chance: Random) -> None:
    """Changes one value, anywhere inside maps and lists: another kind of value, another one's value, or none at all."""
    if not isinstance(values, dict | list) or not values:
        return
    holder, key = values, _key(values, chance)
    while chance.random() < 0.75 and isinstance(holder[key], dict | list) and holder[key]:
        holder, key = holder[key], _key(holder[key], chance)
    action = chance.random()
    if action < 0.7:
        holder[key] = chance.choice(VALUES)
    elif action < 0.8:
        holder[key] = holder[_key(holder, chance)]
    elif action < 0.9:
        del holder[key]
    elif isinstance(holder, dict):
        holder[chance.choice(("more", "", "a.b", key * 2))] = holder[key]
    else:
        holder.append(holder[key])


def _key(holder: dict[str, Any] | list[Any], chance: Random) -> Any:
    return chance.choice(sorted(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))


def chosen(seeds: Sequence[bytes], seed: int, reader: str, number: int) -> bytes:
    """Input `number` of a reader: a mutation of one of its seeds, or one in a hundred times a splice of two."""
    chance = Random(seed << 64 | zlib.crc32(reader.encode()) << 32 | number)
    content = chance.choice(seeds)
    if chance.random() < 0.01:
        other = chance.choice(seeds)
        content = content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other) + 1) :]
    return mutated(content, chance)
