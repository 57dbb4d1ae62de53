"""Views of groups -> the sections of a page: advice, charts, tables, cautions, conditions and the command of each cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manyhands.analysis.exchange import is_exchange
from manyhands.analysis.history.found import History
from manyhands.record import Record
from manyhands.report import formatting, history
from manyhands.report.advice import Advice
from manyhands.report.charts.chart import Chart
from manyhands.report.charts.gallery import charts
from manyhands.report.charts.history import history_charts
from manyhands.report.exchange import HOW_TO_READ
from manyhands.report.group_view import GroupView
from manyhands.report.page.grid import Grid, grid
from manyhands.report.report_table import ReportTable


@dataclass(frozen=True)
class GroupSection:
    """One group on the page."""

    anchor: str
    title: str
    advice: Advice
    answer: tuple[str, ...]
    laws: tuple[str, ...]
    grid: Grid
    charts: tuple[Chart, ...]
    tables: tuple[ReportTable, ...]
    cautions: tuple[str, ...]
    facts: tuple[str, ...]
    conditions: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class HistorySection:
    """Speed over commits on the page."""

    table: ReportTable | None
    lines: tuple[str, ...]
    charts: tuple[Chart, ...]


def history_section(found: History) -> HistorySection:
    """The table, the lines and the charts of several commits."""
    shown = ReportTable("Changes, the largest first", tuple(history.columns(found))) if found.changes else None
    return HistorySection(shown, tuple(history.lines(found)), tuple(history_charts(found)))


def group_section(place: int, view: GroupView, colours: Mapping[str, str]) -> GroupSection:
    """The section of a group, the `place`-th of the page."""
    group, summaries = view.group, view.summaries
    return GroupSection(
        anchor=f"group-{place}",
        title=view.title,
        advice=view.advice,
        answer=view.answer,
        laws=view.law_lines,
        grid=grid(group, summaries),
        charts=tuple(charts(view, colours)),
        tables=view.tables,
        cautions=view.cautions,
        facts=(*view.facts, *([HOW_TO_READ] if is_exchange(group) else view.links)),
        conditions=tuple((formatting.plain(name), formatting.plain(value)) for name, value in group.conditions.items()),
        commands=tuple(
            (formatting.full_name(cell), _command(cell.measured or cell.records)) for cell in (*group.cells, *group.limits)
        ),
    )


def _command(records: Sequence[Record]) -> str:
    return formatting.plain(records[0].command) or formatting.NOT_MEASURED
