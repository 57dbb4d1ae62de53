"""The cells against the same workers without any exchange: the share that each reaches, and what the rest is lost to, as lines and a table."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.limit import Lost
from manyhands.analysis.summary import Summary
from manyhands.report import formatting
from manyhands.report.columns import Column

PARTS = {
    ("base line", "over workers"): "ideal_s",
    ("lost",): "all_s",
    ("to the", "exchange"): "exchange_s",
    ("to smaller", "batches"): "small_batches_s",
    ("to the", "machine"): "machine_s",
}
"""Heading of a column -> the field of what was lost."""
CLOSE = 0.005
"""Share of the base line's time below which nothing was lost."""


def shares(summaries: Sequence[Summary]) -> list[Column]:
    """The share of the limit that each cell reached; no column when no cell has a limit."""
    if not any(row.limit for row in summaries):
        return []
    texts = (formatting.short_interval(row.limit.share) if row.limit else formatting.NOT_MEASURED for row in summaries)
    return [Column(("share of", "the limit"), tuple(texts))]


def lost(summaries: Sequence[Summary]) -> list[Column]:
    """Seconds of `train` that each cell lost against the base line over its workers, and their parts."""
    found = [row.limit.lost if row.limit else None for row in summaries]
    return [
        Column(heading, tuple(_seconds(getattr(one, name) if one else None) for one in found)) for heading, name in PARTS.items()
    ]


def lines(summaries: Sequence[Summary]) -> list[str]:
    """A line for every cell with a limit."""
    return [_line(row) for row in summaries if row.limit]


def _line(row: Summary) -> str:
    assert row.limit is not None
    share = formatting.interval(row.limit.share) if row.limit.share.low is not None else _number(row.limit.share.value)
    return formatting.plain(
        f"{formatting.full_name(row.cell)}: {share} of the limit, which is the same without any exchange{_where(row.limit.lost)}"
    )


def _where(lost: Lost | None) -> str:
    if lost is None:
        return ""
    if lost.all_s <= CLOSE * lost.ideal_s:
        return "; nothing lost against the base line over its workers"
    rest = lost.all_s - lost.exchange_s
    parts = (
        f"{_seconds(lost.small_batches_s)} s smaller batches, {_seconds(lost.machine_s)} s the machine"
        if lost.small_batches_s is not None
        else f"{_seconds(rest)} s smaller batches and the machine"
    )
    return f"; of {_seconds(lost.all_s)} s lost against the base line over its workers {_seconds(lost.exchange_s)} s are exchange, {parts}"


def _seconds(value: float | None) -> str:
    return formatting.NOT_MEASURED if value is None else formatting.format_number(value, like=max(abs(value), 0.1))


def _number(value: float) -> str:
    return formatting.format_number(value)
