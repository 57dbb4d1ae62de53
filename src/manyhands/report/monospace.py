"""Columns -> the lines of a table in a fixed-width font, set by hand: rich took 5 ms a row for the same."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from manyhands.report.columns import Column

GAP = 2
"""Spaces between two columns."""
LONGEST_NAME = 28
"""Signs after which a name goes on in the next line."""


def width(column: Column, longest_name: int = LONGEST_NAME) -> int:
    """Signs that the column needs; numbers are never cut."""
    longest = max(len(text) for text in (*column.heading, *column.texts))
    return longest if column.is_number else min(longest, max(longest_name, *map(len, column.heading)))


def heading(shown: Sequence[Column], longest_name: int = LONGEST_NAME, gap: int = GAP) -> list[str]:
    """The lines above the rows: headings, the last line of each at the bottom, and a rule."""
    depth = max(len(column.heading) for column in shown)
    lines = [["" for _ in range(depth - len(column.heading))] + list(column.heading) for column in shown]
    widths = [width(column, longest_name) for column in shown]
    return [
        *(_line(shown, widths, [own[place] for own in lines], gap) for place in range(depth)),
        "─" * (sum(widths) + gap * (len(shown) - 1)),
    ]


def rows(shown: Sequence[Column], longest_name: int = LONGEST_NAME, gap: int = GAP) -> list[str]:
    """The rows; a name that is too long goes on below."""
    widths = [width(column, longest_name) for column in shown]
    lines: list[str] = []
    for texts in zip(*(column.texts for column in shown), strict=True):
        parts = [[text] if len(text) <= room else _fold(text, room) for text, room in zip(texts, widths, strict=True)]
        depth = max(map(len, parts))
        lines += [_line(shown, widths, [own[place] if place < len(own) else "" for own in parts], gap) for place in range(depth)]
    return lines


def pack(sections: Sequence[Sequence[Column]], room: int, gap: int = GAP) -> list[list[Column]]:
    """All columns in one list when they fit the room; else every section in as few lists as fit, never an empty one."""
    whole = [column for section in sections for column in section]
    if sum(width(column) + gap for column in whole) <= room + gap:
        return [whole]
    return [part for section in sections for part in _cut(section, room, gap)]


def _cut(section: Iterable[Column], room: int, gap: int) -> list[list[Column]]:
    parts: list[list[Column]] = []
    used = 0
    for column in section:
        needed = width(column) + gap
        if parts and used + needed <= room + gap:
            parts[-1].append(column)
            used += needed
        else:
            parts.append([column])
            used = needed
    return parts


def _fold(text: str, room: int) -> list[str]:
    return textwrap.wrap(text, room) or [""]


def _line(shown: Sequence[Column], widths: Sequence[int], texts: Sequence[str], gap: int) -> str:
    cells = [
        text.rjust(room) if column.is_number else text.ljust(room)
        for column, room, text in zip(shown, widths, texts, strict=True)
    ]
    return (" " * gap).join(cells).rstrip()
