"""A group -> what to use, how much faster it is, how sure that is and if the model is as good: the answer of every report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.model_quality import ModelQuality, model_quality
from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import Time, cores
from manyhands.analysis.summary import Summary
from manyhands.analysis.targets import QualityTarget
from manyhands.analysis.winner import Winner, winner
from manyhands.report import formatting
from manyhands.report.whole_run import disagreement, share_of_train, speeds

SURE, OPEN, UNSURE, NONE = "sure", "no clear winner", "not sure", "no answer"
"""The sureness of the advice: all other cells are slower; some may be as fast; too few launches; nothing to compare."""


@dataclass(frozen=True)
class Advice:
    """The recommendation that follows from the measurements."""

    use: str
    """The cell to use; or what is missing before one can be named."""
    sureness: str
    """SURE, OPEN, UNSURE or NONE."""
    why: tuple[str, ...]
    """Lines: how fast, how sure and if the model is as good; then, where it matters, what the whole run says against it."""
    cost: str = ""
    """The core-hours of the cell against those of the base line; empty when unknown."""


def advice(
    summaries: Sequence[Summary], time: Time, beside: Sequence[Ratio | None], target: QualityTarget | None = None
) -> Advice:
    """The advice for the cells of one group. `beside`: the speed-ups of the time that is not `time`, in the same order."""
    if not summaries:
        return Advice("Nothing was measured", NONE, ("Every run failed or was skipped; the reasons are below.",))
    base = next((row for row in summaries if row.is_base), None)
    if base is None:
        text = "There is no measured run of serial with 1 worker to compare with: add --backend serial."
        return Advice("No base line", NONE, (text,))
    if target and not any(row.place == "fastest" for row in summaries):
        wanted = f"{formatting.metric(target.metric)} {target.value:g}"
        lost = any(row.place != "misses the target" for row in summaries)
        return Advice(
            f"No cell reaches {wanted} and has a loss to the end" if lost else f"No cell reaches {wanted}",
            NONE,
            ("Train for longer with --epochs, or ask for less with --target.",),
        )
    found = winner(summaries)
    if found is None:
        text = f"Only {formatting.full_name(base.cell)} was measured: add another backend or --workers 1,2."
        return Advice("Nothing to compare", NONE, (text,))
    chosen = _chosen(found)
    others = {id(row.cell): ratio for row, ratio in zip(summaries, beside, strict=True)}
    why = [
        *([_soon(chosen, target)] if target else []),
        speeds(chosen, others[id(chosen.cell)], time),
        " ".join(filter(None, [_sureness(found, chosen), _quality(chosen, base)])),
        share_of_train(chosen),
        *disagreement([row for row in summaries if row is not chosen], others, time),
    ]
    lines = tuple(formatting.plain(line) for line in why if line)
    return Advice(f"Use {formatting.full_name(chosen.cell)}", _level(found), lines, _cost(chosen, base))


def _chosen(found: Winner) -> Summary:
    """The fastest cell, or the one with the fewest cores of those whose speed-up lies in its interval.

    Overlap alone is not enough: a cell with wild launches overlaps all others, however slow it is.
    """
    best = _ratio(found.best)
    low = best.low if best else None
    tied = [found.best, *(row for row in found.rivals if low is not None and (own.value if (own := _ratio(row)) else 1.0) >= low)]
    return min(tied, key=lambda row: (cores(row.cell), row.core_hours if row.core_hours is not None else float("inf")))


def _ratio(row: Summary) -> Ratio | None:
    """The ratio by which the cell is placed: of the times until the target, or the speed-up."""
    return row.to_target.speedup if row.to_target else row.speedup


def _soon(row: Summary, target: QualityTarget) -> str:
    """A sentence: when the cell reaches the target, and how much sooner than the base line."""
    if row.to_target is None or row.to_target.seconds is None:
        return ""
    seconds = formatting.format_number(row.to_target.seconds.mean)
    ratio = row.to_target.speedup
    times = (
        formatting.interval(ratio) if ratio and ratio.low is not None else formatting.format_number(ratio.value) if ratio else ""
    )
    sooner = f", {times} times sooner than the base line" if times else ""
    return f"It reaches {formatting.metric(target.metric)} {target.value:g} in {seconds} s of training{sooner}."


def _level(found: Winner) -> str:
    return SURE if found.is_sure else OPEN if found.rivals else UNSURE


def _sureness(found: Winner, chosen: Summary) -> str:
    if found.is_sure:
        return "Sure: all other cells are slower."
    if not found.rivals:
        return "Not sure: one launch cannot tell it from luck. Measure again with --repeats 3."
    others = [formatting.short_name(row.cell) for row in (found.best, *found.rivals) if row is not chosen]
    name = formatting.short_name(chosen.cell)
    if chosen is found.best:
        return f"No clear winner: {formatting.some(others)} may be as fast as {name}, the fastest so far."
    return f"No clear winner: {formatting.some(others)} may be as fast; {name} has the fewest cores."


def _cost(row: Summary, base: Summary) -> str:
    if row is base or row.core_hours_ratio is None:
        return ""
    ratio = row.core_hours_ratio
    times = formatting.format_number(ratio.value) if ratio.low is None else formatting.interval(ratio)
    return f"It holds cores for {times} times the core-hours of the base line, launch and teardown counted."


def _quality(row: Summary, base: Summary) -> str:
    """The first metric that both have, and how it compares; the mere values where nothing is known about chance."""
    metric = next((name for name in base.quality if name in row.quality and not name.startswith("naive_")), None)
    if row is base or metric is None:
        return ""
    own, other = row.quality[metric], base.quality[metric]
    found = model_quality(metric, own, other, (*row.cell.measured, *base.cell.measured))
    value, of_base = formatting.score_mean(own), formatting.score_mean(other)
    against = f", base line {of_base}{_margin(found)}" if value != of_base else ""
    return f"The model{_verdict(found)}: {formatting.metric(metric)} {value}{against}."


def _verdict(found: ModelQuality) -> str:
    if found.verdict in (None, "as good"):
        return " is as good" if found.verdict else ""
    return f" is {found.verdict}{' with this seed' if found.seeds == 1 else ''}"


def _margin(found: ModelQuality) -> str:
    """The difference from which on it is more than chance, beside values that differ by less."""
    if found.verdict != "as good" or not found.margin:
        return ""
    of = formatting.count(found.rows, "held-out row") if found.rows else "the launches"
    return f" ({of} tell a difference from {formatting.format_number(found.margin)} on)"
