"""Records -> Markdown for a job page or an issue: the same tables and lines as in the terminal, everything escaped."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.cells import Group, group_records
from manyhands.analysis.history.found import History
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import summarise
from manyhands.analysis.targets import QualityTarget
from manyhands.record import Record
from manyhands.report import columns, notes
from manyhands.report.advice import NONE
from manyhands.report.by_kind import advice, conclusions, sheet
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

    `before`: the page made before; what people wrote about a study into it is kept.
    """
    if not records:
        return "No records.\n"
    groups = group_records(records)
    blocks = [block for view in study_views(records) for block in study_blocks(view, before)]
    blocks += ["## Every cell"] if blocks else []
    blocks.append(_summary(groups, time))
    blocks += history_blocks(history) if history else []
    for group in groups:
        blocks += _group(group, [other for other in groups if other.workload == group.workload], time, target)
    last = [*dict.fromkeys(notes.machine(record) for record in records), notes.versions(records), notes.how_to_read(time)]
    return "\n\n".join([*blocks, bullets(last)]) + "\n"


def _summary(groups: Sequence[Group], time: Time) -> str:
    """What to use for every group and how sure that is, a line each."""
    lines = []
    for group in groups:
        found = advice(group, summarise(group, time), time)
        siblings = [other for other in groups if other.workload == group.workload]
        said = f"{found.use} ({found.sureness})" if found.sureness != NONE else found.use
        lines.append(f"- **{escape(notes.title(group, siblings))}: {escape(said)}.** {escape(' '.join(found.why))}")
    return "\n".join(lines)


def _group(group: Group, siblings: Sequence[Group], time: Time, target: QualityTarget | None) -> list[str]:
    summaries = summarise(group, time)
    blocks = [f"### {escape(notes.headline(notes.title(group, siblings), summaries, time))}"]
    if summaries:
        phases = (column for section in columns.phases(summaries) for column in section)
        blocks += [table(sheet(group, summaries, target).columns), table([*columns.identity(summaries), *phases])]
    apart = notes.not_averaged(siblings) if group is siblings[-1] else []
    lines = [
        *conclusions(group, summaries, time),
        *notes.stopped(group),
        *notes.cautions(group, summaries),
        *apart,
        *notes.facts(group),
    ]
    return [*blocks, bullets(lines)] if lines else blocks
