"""Groups -> the answer of a report as text, without its tables: what to use, what stopped, and cautions."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.report import notes
from manyhands.report.group_view import GroupView, by_workload


def conclusions_of(view: GroupView) -> tuple[str, ...]:
    """All lines about a group that a reader must know: its answer, the runs that stopped, and the cautions."""
    return (*view.answer, *view.links, *view.stopped, *view.cautions)


def answer_text(views: Sequence[GroupView]) -> str:
    """A heading for each group with its conclusions below it; an empty line between groups. One line without any group."""
    if not views:
        return notes.NO_RECORDS
    blocks = []
    for siblings in by_workload(views).values():
        blocks += ["\n".join([view.headline, *(f"  {line}" for line in conclusions_of(view))]) for view in siblings]
        blocks += siblings[0].not_averaged
    if not any(view.summaries for view in views):
        blocks.append(notes.NO_MEASURED_RUN)
    return "\n\n".join(blocks)
