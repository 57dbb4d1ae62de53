"""Records -> Markdown for a job page or an issue: the same tables and lines as in the terminal, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.history.found import History
from manyhands.analysis.scaling import Time
from manyhands.analysis.targets import QualityTarget
from manyhands.record import Record
from manyhands.report import notes
from manyhands.report.advice import NONE
from manyhands.report.group_view import GroupView, by_workload, group_views
from manyhands.report.history import blocks as history_blocks
from manyhands.report.markdown_text import bullets, escape, table
from manyhands.report.study.markdown import study_blocks
from manyhands.report.study.view import study_views


def to_markdown(
    records: Sequence[Record],
    time: Time = "train",
    target: QualityTarget | None = None,
    before: str = "",
    history: History | None = None,
) -> str:
    """The report as Markdown, with a heading for every group; one line when there are no records.

    `before`: the earlier page; the text that people wrote into it about a study is kept.
    """
    if not records:
        return "No records.\n"
    views = group_views(records, time, target)
    last = {workload: siblings[-1] for workload, siblings in by_workload(views).items()}
    blocks = [block for study in study_views(records) for block in study_blocks(study, before)]
    blocks += ["## Every cell"] if blocks else []
    blocks.append(_summary(views))
    blocks += history_blocks(history) if history else []
    for view in views:
        blocks += _group(view, is_last=view is last[view.group.workload])
    closing = [*dict.fromkeys(notes.machine(record) for record in records), notes.versions(records), notes.how_to_read(time)]
    return "\n\n".join([*blocks, bullets(closing)]) + "\n"


def _summary(views: Sequence[GroupView]) -> str:
    """The advice for every group and how sure it is, a line each."""
    lines = []
    for view in views:
        advice = view.advice
        use = f"{advice.use} ({advice.sureness})" if advice.sureness != NONE else advice.use
        lines.append(f"- **{escape(view.title)}: {escape(use)}.** {escape(' '.join(view.answer))}")
    return "\n".join(lines)


def _group(view: GroupView, is_last: bool) -> list[str]:
    """The blocks of one group; the last group of a workload also says why its groups are separate."""
    blocks = [f"### {escape(view.title)}", *(table(shown.columns) for shown in view.tables)]
    apart = view.not_averaged if is_last else ()
    lines = [*view.links, *view.law_lines, *view.stopped, *view.cautions, *apart, *view.facts]
    return [*blocks, bullets(lines)] if lines else blocks
