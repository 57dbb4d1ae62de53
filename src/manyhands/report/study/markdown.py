"""Views of studies -> Markdown. A page keeps what people wrote between two marks when it is made again."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.report.markdown_text import bullets, escape, table
from manyhands.report.study.view import ShownFigure, StudyView

BEGIN, END = "<!-- what was learnt from {}: kept when this page is made again -->", "<!-- end of what was learnt -->"
"""Around what people wrote about the study of that name."""
NOTHING = "*Nothing written yet. What stands between the two marks of this section is kept when the page is made again.*"


def learnt(page: str, study: str) -> str | None:
    """The text that people wrote about a study in an earlier page; None when the page has no place for it."""
    _, begin, rest = page.partition(BEGIN.format(study))
    kept, end, _ = rest.partition(END)
    return kept.strip() if begin and end else None


def study_blocks(view: StudyView, before: str = "") -> list[str]:
    """The Markdown blocks of one study; `before` is the page made before, of which what people wrote is kept as it is."""
    kept = learnt(before, view.name) or NOTHING
    blocks = [f"# {escape(view.title)}", escape(view.about[0])]
    blocks += [f"## What was learnt\n\n{BEGIN.format(view.name)}\n{kept}\n{END}"]
    blocks += [f"## Published and measured: {escape(view.name)}", bullets(view.about[1:]), _figures(view)]
    for further in view.tables:
        blocks += [f"### {escape(further.title)}", table(further.columns)]
        blocks += [escape(further.note)] if further.note else []
    return blocks


def _figures(view: StudyView) -> str:
    """The table of all figures, with the flaws beside the figures that they spoil."""
    heads = (*map(escape, view.heads), "what spoils the published figure")
    lines = [heads, ["---"] * len(heads)]
    for figure in view.figures:
        for place, line in enumerate(figure.lines):
            lines.append((*map(escape, view.texts(line)), _beside(figure) if place == 0 else "as above" if figure.flaws else ""))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _beside(figure: ShownFigure) -> str:
    parts: Sequence[str] = (*(f"{number}. {flaw}" for number, flaw in enumerate(figure.flaws, start=1)), figure.how)
    return "<br>".join(escape(part) for part in parts if part)
