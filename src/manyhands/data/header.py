"""Finds out if the first line of a table has the names of its columns or is data, so that no row is lost."""

from __future__ import annotations

import csv
import lzma
import math
from collections.abc import Sequence
from dataclasses import replace
from io import TextIOWrapper
from itertools import islice, pairwise
from pathlib import Path

from manyhands.data.inflate import damage, open_plain
from manyhands.data.number_table import SPACES, Layout
from manyhands.data.table_settings import TableSettings
from manyhands.errors import DataError

LOOKED_AT = 200
"""Rows that are read for it."""


def with_header(path: Path, layout: Layout, given: TableSettings) -> Layout:
    """The layout with what the user gave, and with `header` as the user says or the first rows show.

    Raises DataError when the first line may be both.
    """
    layout = given.over(layout)
    if given.header or layout.names:
        return replace(layout, header=given.header != "none", names=() if given.header else layout.names)
    rows = _first_rows(path, layout)
    has_names = first_is_names(rows, layout.decimal) if rows else True
    if has_names is None:
        raise DataError(
            f"{path}: its first line, {','.join(rows[0])[:60]}, may be the names of columns or data; add --set header=names or"
            " --set header=none, which calls the columns 1, 2, ..."
        )
    return replace(layout, header=has_names)


def _first_rows(path: Path, layout: Layout) -> list[list[str]]:
    """The words of the first rows; none of a file that cannot be read, whose problem its reader will name."""
    try:
        with open_plain(path) as stream, TextIOWrapper(stream, encoding=layout.reader_encoding, newline="") as text:
            spaced = layout.separator == SPACES
            rows = (
                (line.split() for line in text) if spaced else csv.reader(text, delimiter=layout.separator, skipinitialspace=True)
            )
            return [[word.strip() for word in row] for row in islice(filter(None, rows), LOOKED_AT)]
    except (OSError, EOFError, ValueError, csv.Error, lzma.LZMAError, damage()):
        return []


def first_is_names(rows: Sequence[Sequence[str]], decimal: str = ".") -> bool | None:
    """True when the first row has names, False when it is data, None when it may be both.

    A row without a number is names. A row of numbers, and of words that later rows have in the same column too, is data, unless its
    numbers count up as names of columns do (0, 1, 2, ... or 2019, 2020, ...).
    """
    first, later = rows[0], rows[1:]
    numbers = [value for word in first if (value := _number(word, decimal)) is not None]
    words = {place: word for place, word in enumerate(first) if word and _number(word, decimal) is None}
    if not numbers:
        return True
    counts_up = len(numbers) > 1 and all(after - before == 1 for before, after in pairwise(numbers))
    if counts_up or any(all(place >= len(row) or row[place] != word for row in later) for place, word in words.items()):
        return None
    return False


def _number(word: str, decimal: str) -> float | None:
    """The finite number that a text is, or None."""
    try:
        value = float(word.replace(decimal, ".")) if "_" not in word else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None
