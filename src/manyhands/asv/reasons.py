"""The results of one commit -> a line for every reason why a number is missing. asv itself shows them with `--show-stderr` alone."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

SKIPPED = re.compile(r"asv: skipped: NotImplementedError\((['\"])(?P<reason>.*)\1\)")
FAILED = re.compile(r"^(?:[\w.]*(?:Error|Exception|Interrupt)|SystemExit): (?P<reason>.+)$", re.MULTILINE)
CELL = re.compile(r"^For parameters: (?P<cell>.*)$", re.MULTILINE)


def reasons(results: Any, benchmarks: Any) -> Iterator[str]:
    """One line for each failure of a class or cell, however many numbers it has, and for each class of which no cell was run.

    `results`: asv's results of these `benchmarks`, with what their processes printed.
    """
    failed: dict[tuple[str, str], None] = {}
    empty: dict[str, list[str]] = {}
    for name, benchmark in benchmarks.items():
        title, printed = name.rpartition(".")[0] or name, results.stderr.get(name) or ""
        values = results.get_result_value(name, benchmark["params"])
        if results.errcode.get(name):
            failed |= {(f"{title}{cell}", reason): None for cell, reason in failures(printed)}
        elif all(isinstance(value, float) and math.isnan(value) for value in values):
            found = [match["reason"] for match in SKIPPED.finditer(printed)]
            if len(found) == len(values):  # else a cell was run, and has no such number
                empty[title] = list(dict.fromkeys([*empty.get(title, []), *found]))
    yield from (f"{where} failed: {reason}" for where, reason in failed)
    yield from (f"{title}: no cell can be run here: {'; '.join(found)}" for title, found in empty.items() if found)


def failures(printed: str) -> Iterator[tuple[str, str]]:
    """(cell, reason) of every failure in what the processes of a benchmark printed; the cell is empty for a set-up."""
    parts = CELL.split(printed)
    for cell, text in [("", parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]:
        found = [match["reason"] for match in FAILED.finditer(text)]
        if found or "asv: " in text.replace("asv: skipped", ""):
            yield (f"({cell})" if cell else ""), found[-1] if found else last_line(text)


def last_line(printed: str) -> str:
    """The last line that is not asv's own; the last of all when there is none."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    own = [line for line in lines if not line.startswith("asv: ")]
    return (own or lines or ["no output"])[-1]
