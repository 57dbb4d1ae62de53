"""Numbers and names -> the words that every kind of report shows. What was not measured is a dash, never 0."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from manyhands.analysis.cells import Cell
from manyhands.analysis.ratios import Ratio
from manyhands.analysis.spread import Estimate, LaunchSpread

NOT_MEASURED = "–"  # noqa: RUF001 - an en dash reads as a gap, a minus as a number

NO_BREAK = "\N{NO-BREAK SPACE}"


def plain(text: object) -> str:
    """The text on one line, without the control characters that could move a cursor or forge a line."""
    text = str(text)
    if not text.isprintable():  # a quick test that nearly every text passes: no control or format character in it
        text = "".join(" " if unicodedata.category(sign)[0] == "C" else sign for sign in text)
    return " ".join(text.split())


def together(text: str) -> str:
    """The text with no-break spaces inside `51 %`, `2.60 x`, `ddp x 2` and `[1.57, 2.22]`, which no line break should cut."""
    return re.sub(r"(?<=\d) (?=%|x\b)|(?<= x) (?=\d)| (?=x \d)|(?<=\d,) (?=[<>\d.]+\])", NO_BREAK, text)


def format_number(value: float | None, like: float | None = None) -> str:
    """A number with about three significant digits, or with the decimals that `like` would have."""
    if value is None:
        return NOT_MEASURED
    size = abs(value if like is None else like)
    decimals = (
        0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 or size == 0 else min(6, 1 - math.floor(math.log10(size)))
    )
    return f"{value:.{decimals}f}" if size < 1e6 else f"{value:.3g}"


def mean_and_sd(values: LaunchSpread | None) -> str:
    """`mean ± sd` with the same decimals, one more than usual where the sd would round to 0; the mean alone for one launch."""
    if values is None:
        return NOT_MEASURED
    if values.sd is None:
        return format_number(values.mean)
    like = values.mean if format_number(values.sd, like=values.mean).strip("0.") else values.mean / 10
    return f"{format_number(values.mean, like)} ± {format_number(values.sd, like)}"


def score(values: LaunchSpread | None) -> str:
    """A metric of quality with four digits, and its spread where that is not 0."""
    if values is None:
        return NOT_MEASURED
    centre, decimals = values.mean, 4 if abs(values.mean) < 1 else 2
    seen = f"{values.sd:.{decimals}f}" if values.sd is not None else ""
    return f"{centre:.{decimals}f} ± {seen}" if seen.strip("0.") else f"{centre:.{decimals}f}"


def score_mean(values: LaunchSpread | None) -> str:
    """A metric of quality with four digits, without its spread."""
    return NOT_MEASURED if values is None else score(replace(values, sd=None))


def metric(name: str) -> str:
    """A metric's name for people: `mape_percent` -> `MAPE %`."""
    words = name.removesuffix("_percent").replace("_", " ")
    words = " ".join(word.upper() if word in ("mape", "rmse", "mse", "mae", "auc") else word for word in words.split())
    return f"{words} %" if name.endswith("_percent") else words


def interval(ratio: Ratio | Estimate) -> str:
    """`1.95 [1.80, 2.10]`; a dash for the bounds where one launch gives none."""
    if ratio.low is None or ratio.high is None:
        return f"{format_number(ratio.value)} [{NOT_MEASURED}]"
    return f"{format_number(ratio.value)} [{_bound(ratio.low)}, {_bound(ratio.high)}]"


def short_interval(ratio: Ratio | Estimate) -> str:
    """The interval in few signs: numbers below 0.1 with two decimals, so `0.06 [0.05, 0.08]`; a dash for bounds that say nothing."""
    if ratio.low is None or ratio.high is None or (ratio.low < 0.01 and ratio.high > 1000):
        return f"{_short(ratio.value)} [{NOT_MEASURED}]"
    return f"{_short(ratio.value)} [{_short(ratio.low)}, {'>1000' if ratio.high > 1000 else _short(ratio.high)}]"


def _short(value: float) -> str:
    return "<0.01" if value < 0.01 else format_number(value, like=max(value, 0.1))


def _bound(value: float) -> str:
    """A bound of an interval; one so far off that it says nothing is not spelled out."""
    return "<0.001" if 0 <= value < 0.001 else ">1000" if value > 1000 else format_number(value)


def whole(value: float | None) -> str:
    """A number without decimals."""
    return NOT_MEASURED if value is None else f"{value:.0f}"


def percent(share: float | None) -> str:
    """A share of 1 in per cent, without the sign."""
    return NOT_MEASURED if share is None else f"{100 * share:.0f}"


def size(value: float | None) -> str:
    """Bytes in MB or GB (powers of 1000)."""
    if value is None:
        return NOT_MEASURED
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"


def count(number: int, noun: str, plural: str = "") -> str:
    """`1 worker`, `2 workers`; `plural` for nouns that take more than an s."""
    return f"{number} {noun if number == 1 else plural or f'{noun}s'}"


def name(cell: Cell) -> str:
    """The backend, and what sets the cell apart from its namesakes."""
    return plain(f"{cell.backend} ({cell.variant})" if cell.variant else cell.backend)


def full_name(cell: Cell) -> str:
    """The cell in a sentence: `ddp, 2 workers x 1 thread`."""
    return f"{name(cell)}, {count(cell.workers, 'worker')} x {count(cell.threads, 'thread')}"


def short_name(cell: Cell) -> str:
    """The cell in few signs, workers after the x: `ddp x 2`, with its threads where it has several."""
    threads = f", {cell.threads} threads" if cell.threads > 1 else ""
    return f"{name(cell)} x {cell.workers}{threads}"


def some(names: Sequence[str], most: int = 3) -> str:
    """The first names, and the number of the others."""
    return "; ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
