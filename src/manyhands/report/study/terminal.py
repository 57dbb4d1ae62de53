"""Views of studies -> the lines of a terminal: every figure with its flaws right below it, then the further tables."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from manyhands.report.columns import Column
from manyhands.report.monospace import GAP, heading, rows
from manyhands.report.study.view import ShownFigure, StudyView

Line = tuple[str, str]
"""A text and its style."""
SHORTEST = 16
"""Signs of a cell, even where the room is narrower, before it goes on below: reasons why there is no value are long."""


def study_lines(view: StudyView, room: int) -> list[Line]:
    """Everything about one study, no line of prose longer than `room`."""
    lines: list[Line] = [("", ""), (f"{view.name}: {view.title}", "bold")]
    lines += [(text, "") for line in view.about for text in _wrapped(line, room, "")]
    for figure in view.figures:
        lines += [("", ""), *((text, "bold") for text in _wrapped(figure.what, room, ""))]
        lines += [(text, "") for text in _figure(view, figure, room)]
        if figure.how:
            lines += [(text, "dim") for text in _wrapped(figure.how, room, "  ")]
        lines += [(text, "yellow") for flaw in figure.flaws for text in _wrapped(f"! {flaw}", room, "  ")]
    for table in view.tables:
        lines += [("", ""), *((text, "italic") for text in _wrapped(table.title, room, ""))]
        lines += [(text, "") for text in (*heading(table.columns), *rows(table.columns))]
        lines += [(text, "dim") for text in _wrapped(table.note, room, "  ")] if table.note else []
    return lines


def _figure(view: StudyView, figure: ShownFigure, room: int) -> list[str]:
    """The rows of one figure; all figures of a study have the same columns."""
    longest = max(SHORTEST, room // len(view.heads) - GAP)
    folded: list[tuple[str, ...]] = []
    for line in figure.lines:
        texts = (line.label.removeprefix(f"{figure.what}: "), *view.texts(line)[1:])
        parts = [textwrap.wrap(text, longest) or [""] for text in texts]
        depth = max(map(len, parts))
        folded += [tuple(own[place] if place < len(own) else "" for own in parts) for place in range(depth)]
    heads = ("", *view.heads[1:])
    # Folded already, so they count as numbers, which are never cut; the texts are padded to stand to the left.
    widths = [max(len(head), *(len(text[place]) for text in folded)) for place, head in enumerate(heads)]
    shown = [
        Column((head.ljust(wide),), tuple(text[place].ljust(wide) for text in folded))
        for place, (head, wide) in enumerate(zip(heads, widths, strict=True))
    ]
    return [*heading(shown), *rows(shown)]


def _wrapped(text: str, room: int, indent: str) -> Sequence[str]:
    return textwrap.wrap(text, max(20, room), initial_indent=indent, subsequent_indent=f"{indent}  ", break_on_hyphens=False)
