"""Cells -> series: which points a line joins, in which colour, and which cells are worth a closer look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.scaling import cores, seconds
from manyhands.analysis.summary import Summary
from manyhands.record import BASE_LINE, Record
from manyhands.report import formatting
from manyhands.report.charts.chart import Key
from manyhands.report.charts.look import DASHES, SERIES, SHAPES, css

SHOWN = 8
"""Cells that a picture of single runs shows: readers cannot distinguish more lines than this."""


@dataclass(frozen=True)
class ChartSeries:
    """Cells of one backend that differ in their worker count."""

    name: str
    colour: str
    shape: str
    rows: tuple[Summary, ...]
    """In the order of their cores."""


def colours(groups: Sequence[Group]) -> dict[str, str]:
    """A colour for every backend, the same all over a page: grey for the base line."""
    names = dict.fromkeys(cell.backend for group in groups for cell in group.cells if cell.measured)
    others = sorted(name for name in names if name != BASE_LINE)
    return {BASE_LINE: css("base")} | {name: css(f"series-{place % SERIES + 1}") for place, name in enumerate(others)}


def series(summaries: Sequence[Summary], by_backend: Mapping[str, str]) -> list[ChartSeries]:
    """The series of a group. Thread counts are named where they differ; `serial` is one series for all of its thread counts."""
    several = len({row.cell.threads for row in summaries if row.cell.backend != BASE_LINE}) > 1
    found: dict[tuple[str, int, str], list[Summary]] = {}
    for row in summaries:
        cell = row.cell
        threads = cell.threads if several and cell.backend != BASE_LINE else 0
        found.setdefault((cell.backend, threads, cell.variant), []).append(row)
    backends = list(dict.fromkeys(backend for backend, _, _ in found))
    return [
        ChartSeries(
            _name(rows[0].cell, threads),
            by_backend.get(backend, css("base")),
            SHAPES[backends.index(backend) % len(SHAPES)],
            tuple(sorted(rows, key=lambda row: cores(row.cell))),
        )
        for (backend, threads, _), rows in found.items()
    ]


def shown(summaries: Sequence[Summary], most: int = SHOWN) -> list[Summary]:
    """The cells for pictures of single runs: the base line and the fastest cell of every backend, fastest first."""
    if len(summaries) <= most:
        return list(summaries)
    fastest: dict[str, Summary] = {}
    for row in summaries:
        if not row.is_base and (row.cell.backend not in fastest or _speed(row) > _speed(fastest[row.cell.backend])):
            fastest[row.cell.backend] = row
    rest = sorted(fastest.values(), key=_speed, reverse=True)
    return [*(row for row in summaries if row.is_base), *rest][:most]


def legend(rows: Sequence[Summary], by_backend: Mapping[str, str]) -> list[Key]:
    """A key for every cell: the colour of its backend, dashes for the second and later cells of the same backend."""
    seen: dict[str, int] = {}
    keys = []
    for row in rows:
        place = seen[row.cell.backend] = seen.get(row.cell.backend, -1) + 1
        keys.append(
            Key(formatting.short_name(row.cell), by_backend.get(row.cell.backend, css("base")), DASHES[place % len(DASHES)])
        )
    return keys


def typical(cell: Cell) -> Record:
    """The launch with the median training time (the lower of two); the first where none was timed."""
    timed = sorted(((taken, place) for place, record in enumerate(cell.measured) if (taken := seconds(record, "train"))))
    return cell.measured[timed[(len(timed) - 1) // 2][1] if timed else 0]


def _name(cell: Cell, threads: int) -> str:
    return f"{formatting.name(cell)} x {formatting.count(threads, 'thread')}" if threads else formatting.name(cell)


def _speed(row: Summary) -> float:
    return row.speedup.value if row.speedup else 0.0
