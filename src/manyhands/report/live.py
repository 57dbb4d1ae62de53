"""The records so far -> the speed-ups so far: a table while a plan is carried out, or the words for one cell."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.exchange import is_exchange
from manyhands.record import Record
from manyhands.report import formatting
from manyhands.report.group_view import group_views
from manyhands.report.monospace import heading, rows


def live_table(records: Sequence[Record]) -> list[str]:
    """Launches and speed-ups of every cell so far, a block of lines for each group; empty before the first measured run."""
    lines: list[str] = []
    for view in group_views(records):
        if view.summaries and not is_exchange(view.group):
            first = view.first_table
            shown = [*first.identity, *first.sections[0][:3]]
            lines += ["", view.title, *heading(shown), *rows(shown)]
    return lines


def speedup_so_far(records: Sequence[Record], last: Record) -> str:
    """The speed-up of the last record's cell, such as `1.87 [1.57, 2.22] x the base line`; empty for the base line, or without one."""
    for view in group_views(records):
        for row in view.summaries:
            if row.speedup and any(record is last for record in row.cell.measured):
                return f"{formatting.short_interval(row.speedup)} x the base line"
    return ""
