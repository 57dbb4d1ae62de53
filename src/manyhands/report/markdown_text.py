"""Pieces of Markdown: escaped text, tables and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable

from manyhands.report import formatting
from manyhands.report.columns import Column


def escape(text: str) -> str:
    """The text as Markdown shows it literally: no HTML, no table cell ends, no emphasis, links or mentions."""
    safe = formatting.plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "&#64;")
    return re.sub(r"([\\`*_\[\]|#~!])", r"\\\1", safe)


def table(shown: Iterable[Column]) -> str:
    """The columns as a Markdown table, everything in them escaped."""
    shown = list(shown)
    heads = [escape(column.title) for column in shown]
    rules = ["---:" if column.is_number else "---" for column in shown]
    rows = zip(*([escape(text) for text in column.texts] for column in shown), strict=True)
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, rules, *rows))


def bullets(lines: Iterable[str]) -> str:
    """The lines that are not empty as a list, escaped."""
    return "\n".join(f"- {escape(line)}" for line in lines if line)
