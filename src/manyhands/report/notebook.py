"""Tables and lines -> a piece of HTML for a notebook. Everything is escaped; it holds no script and loads nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.predictable import Family
from manyhands.analysis.verdicts.error_rates import ErrorRates
from manyhands.analysis.verdicts.results import Comparison
from manyhands.report import comparison, formatting, notes, prediction
from manyhands.report.answer import conclusions_of
from manyhands.report.columns import Column
from manyhands.report.group_view import GroupView, by_workload
from manyhands.report.prediction import Found

NO_MATHS = "tex2jax_ignore mathjax_ignore"
"""Classes that keep notebooks from setting a name with two dollar signs as a formula."""


def results_html(about: str, views: Sequence[GroupView]) -> str:
    """The line `about`, then for every group its first table (speed, cost and quality) and its conclusions."""
    parts = [_line(about)]
    for siblings in by_workload(views).values():
        for view in siblings:
            columns = view.first_table.columns if view.summaries else ()
            parts += [_heading(view.headline), _table(columns), _list(conclusions_of(view))]
        parts += map(_line, siblings[0].not_averaged)
    if not views:
        parts.append(_line(notes.NO_RECORDS))
    elif not any(view.summaries for view in views):
        parts.append(_line(notes.NO_MEASURED_RUN))
    return _whole(parts)


def predictions_html(predictions: Sequence[tuple[Family, Found]]) -> str:
    """For every family its table of predictions, and what they rest on."""
    parts = []
    for family, found in predictions:
        columns = () if isinstance(found, NotIdentifiable) else (*prediction.identity(found), *prediction.columns(found))
        parts += [_heading(prediction.title(family)), _table(columns), _list(prediction.lines(found))]
    return _whole(parts)


def comparison_html(found: Comparison, rates: ErrorRates | None) -> str:
    """The verdicts on two commits, and what they rest on."""
    lines = comparison.lines(found, rates)
    return _whole([_heading(comparison.title(found)), _table(comparison.columns(found)), _list(lines)])


def _whole(parts: Iterable[str]) -> str:
    return "\n".join([f'<div class="{NO_MATHS}">', *(part for part in parts if part), "</div>"])


def _table(columns: Sequence[Column]) -> str:
    """The columns as a table, in the look that the notebook gives to a data frame; empty without columns or rows."""
    if not columns or not columns[0].texts:
        return ""
    numbers = [column.is_number for column in columns]
    head = _row("th", [column.title for column in columns], numbers)
    rows = [_row("td", texts, numbers) for texts in zip(*(column.texts for column in columns), strict=True)]
    return "\n".join(
        [
            '<table class="dataframe" style="text-align: right">',
            f"<thead>{head}</thead>",
            "<tbody>",
            *rows,
            "</tbody>",
            "</table>",
        ]
    )


def _row(tag: str, texts: Sequence[str], numbers: Sequence[bool]) -> str:
    """A row; numbers are at the right, as the table has it."""
    left = ' style="text-align: left"'
    cells = [f"<{tag}{'' if number else left}>{_safe(text)}</{tag}>" for text, number in zip(texts, numbers, strict=True)]
    return f"<tr>{''.join(cells)}</tr>"


def _heading(text: str) -> str:
    return f"<p><b>{_safe(text)}</b></p>"


def _line(text: str) -> str:
    return f"<p>{_safe(text)}</p>"


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{_safe(line)}</li>' for line in lines)}</ul>" if lines else ""


def _safe(text: str) -> str:
    return escape(formatting.plain(text))
