"""Groups -> what a page shows of each: advice, charts, tables, cautions, conditions and the commands behind its cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manyhands.analysis.best_law import Choice, laws_found
from manyhands.analysis.cells import Group
from manyhands.analysis.exchange import is_exchange
from manyhands.analysis.history.found import History
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import summarise
from manyhands.analysis.targets import QualityTarget
from manyhands.record import Record
from manyhands.report import columns, formatting, history, notes
from manyhands.report.advice import Advice
from manyhands.report.by_kind import advice, sheet
from manyhands.report.charts.chart import Chart
from manyhands.report.charts.gallery import charts
from manyhands.report.charts.history import history_charts
from manyhands.report.columns import Column
from manyhands.report.exchange import HOW_TO_READ
from manyhands.report.page.grid import Grid, grid
from manyhands.report.winner_and_laws import laws


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row; `is_number` says which columns stand to the right."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    is_number: tuple[bool, ...]


@dataclass(frozen=True)
class Section:
    """One group on the page."""

    anchor: str
    title: str
    headline: str
    advice: Advice
    laws: tuple[str, ...]
    grid: Grid
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    cautions: tuple[str, ...]
    facts: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HistorySection:
    """Speed over commits on the page."""

    table: Table | None
    lines: tuple[str, ...]
    charts: tuple[Chart, ...]


def history_section(found: History) -> HistorySection:
    """What the page shows of several commits."""
    shown = _table("Changes, the largest first", history.columns(found)) if found.changes else None
    return HistorySection(shown, tuple(history.lines(found)), tuple(history_charts(found)))


def section(
    place: int, group: Group, siblings: Sequence[Group], colours: Mapping[str, str], time: Time, target: QualityTarget | None
) -> Section:
    """The section of a group, the `place`-th of the page; `siblings` are all groups of its workload."""
    summaries = summarise(group, time)
    found = [] if is_exchange(group) else laws_found(group, time)
    title = notes.title(group, siblings)
    first = sheet(group, summaries, target)
    phases = [*columns.identity(summaries), *(column for part in columns.phases(summaries) for column in part)]
    return Section(
        anchor=f"group-{place}",
        title=title,
        headline=notes.headline(title, summaries, time).removeprefix(title).removeprefix(": "),
        advice=advice(group, summaries, time),
        laws=tuple(laws(found)),
        grid=grid(group, summaries),
        charts=tuple(charts(group, summaries, [law for _, law in found if isinstance(law, Choice)], colours, time, target)),
        tables=(_table(first.title, first.columns), _table("Mean seconds of every phase", phases)) if summaries else (),
        cautions=tuple(notes.cautions(group, summaries)),
        facts=(*notes.facts(group), *([HOW_TO_READ] if is_exchange(group) else [])),
        conditions=tuple((formatting.plain(name), formatting.plain(value)) for name, value in group.conditions.items()),
        commands=tuple((formatting.full_name(cell), _command(cell.measured or cell.records)) for cell in group.cells),
    )


def _table(title: str, shown: Sequence[Column]) -> Table:
    return Table(
        title,
        tuple(column.title for column in shown),
        tuple(zip(*(column.texts for column in shown), strict=True)),
        tuple(column.is_number for column in shown),
    )


def _command(records: Sequence[Record]) -> str:
    return formatting.plain(records[0].command) or formatting.NOT_MEASURED
