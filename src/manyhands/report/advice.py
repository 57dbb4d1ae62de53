"""A group -> what to use and how sure that is, in sentences: the first thing that a reader of a page sees."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.scaling import Time, cores
from manyhands.analysis.spread import LaunchSpread
from manyhands.analysis.summary import Summary
from manyhands.analysis.winner import Winner, winner
from manyhands.report import formatting

SURE, OPEN, UNSURE, NONE = "sure", "no clear winner", "not sure", "no answer"
"""The sureness of the advice: one cell is fastest; several may be; too few launches; nothing to compare."""
FASTER = {"train": "trains", "wall": "runs"}


@dataclass(frozen=True)
class Advice:
    """The recommendation that follows from the measurements."""

    use: str
    """The cell to use; or what is missing before one can be named."""
    sureness: str
    """SURE, OPEN, UNSURE or NONE."""
    why: tuple[str, ...]
    """Sentences: how fast, how sure and why, what it costs, whether the model is as good."""


def advice(summaries: Sequence[Summary], time: Time) -> Advice:
    """The advice for the cells of one group."""
    if not summaries:
        return Advice("Nothing was measured", NONE, ("Every run failed or was skipped; the reasons are below.",))
    base = next((row for row in summaries if row.is_base), None)
    if base is None:
        text = "There is no measured run of serial with 1 worker to compare with: add --backend serial."
        return Advice("No base line", NONE, (text,))
    found = winner(summaries)
    if found is None:
        text = f"Only {formatting.full_name(base.cell)} was measured: add another backend or --workers 1,2."
        return Advice("Nothing to compare", NONE, (text,))
    chosen = _chosen(found)
    why = [_speed(chosen, base, time), _sureness(found, chosen), _price(chosen, base), _quality(chosen, base)]
    return Advice(_use(chosen), _level(found), tuple(formatting.plain(line) for line in why if line))


def _chosen(found: Winner) -> Summary:
    """The fastest cell, or the one with the fewest cores of those whose speed-up lies in its interval.

    That a cell may be as fast is not enough: one with wild launches may be, however slow it was.
    """
    low = found.best.speedup.low if found.best.speedup else None
    tied = [found.best, *(row for row in found.rivals if low is not None and (row.speedup.value if row.speedup else 1.0) >= low)]
    return min(tied, key=lambda row: (cores(row.cell), row.core_hours if row.core_hours is not None else float("inf")))


def _use(row: Summary) -> str:
    return f"Use {formatting.full_name(row.cell)}"


def _level(found: Winner) -> str:
    return SURE if found.is_sure else OPEN if found.rivals else UNSURE


def _speed(row: Summary, base: Summary, time: Time) -> str:
    if row is base:
        return "It is the base line: nothing measured here is clearly faster."
    if row.speedup is None:
        return ""
    share = f", {100 * row.efficiency:.0f} % of what its cores could give" if row.efficiency is not None else ""
    bounds = "" if row.speedup.low is None else " [" + formatting.interval(row.speedup).split(" [")[1]
    return f"It {FASTER[time]} {formatting.format_number(row.speedup.value)}{bounds} times as fast as {formatting.full_name(base.cell)}{share}."


def _sureness(found: Winner, chosen: Summary) -> str:
    launches = min(len(row.cell.measured) for row in (found.best, *found.rivals))
    if found.is_sure:
        return f"Sure: every other cell is slower, at an error rate of 5 % for all of them ({formatting.count(launches, 'launch', 'launches')})."
    if not found.rivals:
        return "Not sure: one launch cannot tell it from luck. Measure again with --repeats 3."
    others = [formatting.full_name(row.cell) for row in (found.best, *found.rivals) if row is not chosen]
    reason = "it is the fastest so far" if chosen is found.best else "of those as fast as the fastest it has the fewest cores"
    listed = "; ".join(others[:4]) + (f" and {len(others) - 4} more" if len(others) > 4 else "")
    return f"No clear winner: not distinguishable from {listed}; {reason}. More --repeats would tell them apart."


def _price(row: Summary, base: Summary) -> str:
    if row is base or row.core_hours_ratio is None:
        return ""
    return f"It holds cores for {formatting.interval(row.core_hours_ratio)} times the core-hours of the base line, launch and teardown counted."


def _quality(row: Summary, base: Summary) -> str:
    """The first metric that both have, and whether the difference is within the spread of the launches."""
    metric = next((name for name in base.quality if name in row.quality and not name.startswith("naive_")), None)
    if row is base or metric is None:
        return ""
    own, other = row.quality[metric], base.quality[metric]
    compared = f"{formatting.metric(metric)} {formatting.score(own)}, base line {formatting.score(other)}"
    return f"The model: {compared}{_difference(own, other)}."


def _difference(own: LaunchSpread, other: LaunchSpread) -> str:
    if own.sd is None or other.sd is None:
        return ""
    reach = 2 * (own.sd**2 / own.count + other.sd**2 / other.count) ** 0.5
    same = abs(own.mean - other.mean) <= max(reach, 1e-9 * abs(other.mean))
    return ", no difference beyond the spread of launches" if same else ", a difference beyond the spread of launches"
