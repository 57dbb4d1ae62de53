"""The train phase and the whole run side by side, in sentences: how fast each is, and where the two disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import Summary
from manyhands.report import formatting

NAMES: Mapping[Time, str] = {"train": "train", "wall": "the whole run"}
HALF = 0.5
"""Share of the wall time below which train alone does not say how long a run takes."""
NOTICED = 1.1
"""Ratio from which a single launch, which has no interval, counts as faster or slower."""


def other_time(time: Time) -> Time:
    """The time that is not compared first."""
    return "wall" if time == "train" else "train"


def speeds(row: Summary, beside: Ratio | None, time: Time) -> str:
    """A sentence: how fast the cell is in the compared time, and in the other one; `beside`: the speed-up of the other one."""
    if row.is_base:
        return "It is the base line: no other cell is clearly faster."
    if row.speedup is None:
        return ""
    first = f"{NAMES[time].capitalize()} is {formatting.format_number(row.speedup.value)} x as fast{_bounds(row.speedup)}"
    return f"{first}, {NAMES[other_time(time)]} {_beside(beside)}." if beside else f"{first}."


def share_of_train(row: Summary) -> str:
    """A sentence when train is less than half of the cell's wall time; names the phase that takes most of the rest."""
    if row.train is None or row.wall is None or row.train.mean >= HALF * row.wall.mean:
        return ""
    rest = {name: taken for name, taken in row.phases.items() if name != "train" and taken is not None}
    largest = max(rest, key=lambda name: rest[name], default=None)
    more = f"; {largest} is {_percent(rest[largest], row.wall.mean)}" if largest else ""
    seconds = f"{formatting.format_number(row.train.mean)} of {formatting.format_number(row.wall.mean)} s"
    return f"Train is only {_percent(row.train.mean, row.wall.mean)} of its whole run ({seconds}){more}."


def disagreement(rows: Sequence[Summary], others: Mapping[int, Ratio | None], time: Time) -> list[str]:
    """A sentence for the cells that are faster than the base line in train and slower as a whole run, and one for the reverse.

    `others`: identity of a cell -> its speed-up in the other time.
    """
    found: dict[bool, list[str]] = {}
    for row in rows:
        beside = others.get(id(row.cell))
        train, whole = (row.speedup, beside) if time == "train" else (beside, row.speedup)
        if train and whole and disagree(train, whole):
            values = f"{formatting.format_number(train.value)} x and {formatting.format_number(whole.value)} x"
            found.setdefault(train.value > 1, []).append(f"{formatting.short_name(row.cell)} ({values})")
    return [_sentence(is_faster_in_train, cells) for is_faster_in_train, cells in found.items()]


def disagree(train: Ratio, whole: Ratio) -> bool:
    """True when one speed-up is above 1 and the other below, and at least one of them is so beyond its interval."""
    return (train.value > 1) != (whole.value > 1) and (is_clear(train) or is_clear(whole))


def is_clear(ratio: Ratio) -> bool:
    """True when the interval leaves 1 out; with one launch, when the value is at least 10 % away from it."""
    if ratio.low is None or ratio.high is None:
        return max(ratio.value, 1 / ratio.value) >= NOTICED
    return not ratio.low <= 1 <= ratio.high


def _beside(ratio: Ratio) -> str:
    if not is_clear(ratio):
        return f"about as fast ({formatting.format_number(ratio.value)} x)"
    if ratio.value > 1:
        return f"{formatting.format_number(ratio.value)} x{_bounds(ratio)}"
    return f"takes {formatting.format_number(1 / ratio.value)} x as long"


def _bounds(ratio: Ratio) -> str:
    return "" if ratio.low is None else f" [{formatting.short_interval(ratio).split(' [')[1]}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %"


def _sentence(is_faster_in_train: bool, cells: Sequence[str]) -> str:
    how = "Faster in train but slower" if is_faster_in_train else "Slower in train but faster"
    return formatting.plain(f"{how} as a whole run: {formatting.some(cells)}.")
