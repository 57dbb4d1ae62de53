"""A group -> backends by worker counts: what every place came to, and for an empty one the reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.summary import Summary
from manyhands.report import formatting

SAID = {"failed": "failed", "skipped": "left out"}


@dataclass(frozen=True)
class GridCell:
    """One backend at one worker count."""

    text: str
    detail: str = ""
    kind: str = ""
    """`base`, `ok`, `empty` or `failed`."""
    notes: tuple[int, ...] = ()
    """Numbers of the reasons below the grid, from 1."""


@dataclass(frozen=True)
class Grid:
    """All places; `notes` are the reasons in the order of their numbers."""

    workers: tuple[int, ...]
    rows: tuple[tuple[str, tuple[GridCell, ...]], ...]
    notes: tuple[str, ...]


def grid(group: Group, summaries: Sequence[Summary]) -> Grid:
    """The grid of the group; a row for every thread count and variant of a backend."""
    workers = tuple(sorted({cell.workers for cell in group.cells}))
    by_cell = {id(row.cell): row for row in summaries}
    reasons: dict[str, int] = {}
    found: dict[str, dict[int, GridCell]] = {}
    for cell in group.cells:
        name = f"{formatting.name(cell)}, {formatting.count(cell.threads, 'thread')}"
        numbers = tuple(dict.fromkeys(reasons.setdefault(text, len(reasons) + 1) for text in _reasons(cell)))
        found.setdefault(name, {})[cell.workers] = _place(cell, by_cell.get(id(cell)), numbers)
    empty = GridCell("not run", kind="empty")
    rows = tuple((name, tuple(places.get(count, empty) for count in workers)) for name, places in found.items())
    return Grid(workers, rows, tuple(reasons))


def _place(cell: Cell, row: Summary | None, notes: tuple[int, ...]) -> GridCell:
    if row is None:
        is_failed = any(record.status == "failed" for record in cell.records)
        return GridCell(SAID["failed" if is_failed else "skipped"], kind="failed" if is_failed else "empty", notes=notes)
    if row.is_base:
        return GridCell("1", "base line", "base", notes)
    if row.speedup is None:
        return GridCell(f"{formatting.format_number(row.train.median)} s" if row.train else "measured", "train", "ok", notes)
    low, high = row.speedup.low, row.speedup.high
    bounds = (
        "one launch"
        if low is None or high is None
        else formatting.interval(row.speedup).split(" ", 1)[1].strip("[]").replace(", ", " to ")
    )
    return GridCell(f"{formatting.format_number(row.speedup.value)} x", bounds, "ok", notes)


def _reasons(cell: Cell) -> list[str]:
    stopped = [record for record in cell.records if not record.ok]
    share = f" ({len(stopped)} of {formatting.count(len(cell.records), 'run')})" if cell.measured else ""
    return [formatting.plain(f"{SAID[record.status]}{share}: {record.reason}") for record in stopped]
