"""A comparison of two commits -> a table of verdicts and what they rest on; as text, Markdown or JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from manyhands.analysis.targets import is_error
from manyhands.analysis.verdicts.early import LARGE
from manyhands.analysis.verdicts.error_rates import ErrorRates
from manyhands.analysis.verdicts.metrics import EXACT, WORDS
from manyhands.analysis.verdicts.results import CellResult, Comparison, Judged
from manyhands.analysis.verdicts.sequential import Budget, fewest_for_small, fewest_pairs
from manyhands.report import formatting
from manyhands.report.columns import Column
from manyhands.report.markdown_text import bullets, escape, table

UNITS = {"time": ("s", 1.0), "cpu": ("s", 1.0), "memory": ("MB", 1e-6), "instructions": ("million", 1e-6)}
MARKS = {"worse": "❌", "better": "🚀", "same": "✅", "undecided": "❔"}


def title(found: Comparison) -> str:
    """The two commits that are compared."""
    return f"{found.head} compared with {found.base}"


def verdict(judged: Judged) -> str:
    """The verdict as text, such as `slower`."""
    worse, better = WORDS[judged.metric]
    return {"worse": worse, "better": better, "same": "same", "undecided": "undecided"}[judged.judgement.verdict]


def columns(found: Comparison) -> list[Column]:
    """A row for every metric of every cell that was measured."""
    rows = [(cell, one) for cell in found.cells for one in cell.judged]
    return [
        Column(("cell",), tuple(cell.label for cell, _ in rows), is_number=False),
        Column(("metric",), tuple(_metric(cell, one) for cell, one in rows), is_number=False),
        Column(("BASE",), tuple(_value(one, one.base, cell) for cell, one in rows)),
        Column(("HEAD",), tuple(_value(one, one.head, cell) for cell, one in rows)),
        Column(("HEAD / BASE", "[95 % interval]"), tuple(_ratio(one) for _, one in rows)),
        Column(("pairs", "(fresh)"), tuple(_pairs(one) for _, one in rows)),
        Column(("verdict",), tuple(verdict(one) for _, one in rows), is_number=False),
    ]


def lines(found: Comparison, rates: ErrorRates | None) -> list[str]:
    """The lines below the table: missing measurements, undecided verdicts, and the error rates of the method."""
    budget = found.limits.budget
    effect = f"{100 * budget.effect:g} %"
    told = [f"could not measure: {cell.failure}" for cell in found.cells if cell.failure]
    told += [f"could not measure: {cell.label}: {reason}" for cell in found.cells for reason in cell.missing]
    told += [line for cell in found.cells for one in cell.judged if (line := _open(cell, one, budget))]
    told += [line for cell in found.cells if (line := _steadiness(cell))]
    metrics = {one.metric for cell in found.cells for one in cell.judged}
    if not metrics:
        return [formatting.plain(line) for line in told]
    if metrics == {"instructions"}:
        told.append(
            f"same: within {100 * EXACT:g} %; counts by valgrind are the same in every run, whatever else the machine does"
        )
        return [formatting.plain(line) for line in told]
    if any(one.in_yardsticks for cell in found.cells for one in cell.judged):
        told.append(
            "time: launches are compared by their epochs over the yardstick, a small fixed program timed between the epochs of every"
            " launch; BASE and HEAD show seconds"
        )
    told += [
        f"same: a difference of {effect} or more is ruled out, by two one-sided tests",
        f"slower, faster: seen by rank tests on pairs of launches, then again on fresh launches; of what is called either, at most"
        f" {100 * budget.alpha:g} % is expected to be unchanged (false-discovery rate over {budget.verdicts} verdicts); intervals"
        " are not adjusted for stopping early",
        rates.quote(budget, found.limits.max_time_s) if rates else UNKNOWN_RATES,
    ]
    return [formatting.plain(line) for line in told]


UNKNOWN_RATES = "error rates on this machine: not measured yet; 'manyhands calibrate' measures and keeps them"


def to_markdown(found: Comparison, rates: ErrorRates | None) -> str:
    """A heading, the table and the lines."""
    parts = [f"### {escape(title(found))}"]
    if any(cell.judged for cell in found.cells):
        shown = columns(found)
        marks = tuple(MARKS[one.judgement.verdict] for cell in found.cells for one in cell.judged)
        parts.append(table([Column(("",), marks, is_number=False), *shown]))
    parts.append(bullets(lines(found, rates)))
    return "\n\n".join(parts) + "\n"


def to_json(found: Comparison, rates: ErrorRates | None) -> str:
    """One object with every launch in it, so that the verdicts can be made again. Times in seconds, sizes in bytes."""
    content = _finite(asdict(found)) | {"exit_code": found.exit_code, "error_rates": asdict(rates) if rates else None}
    return json.dumps(content, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _metric(cell: CellResult, judged: Judged) -> str:
    if judged.metric == "quality":
        return cell.quality.replace("_", " ")
    if judged.metric == "time":
        return "time of an epoch, s" if cell.epochs else "time, s" if not cell.quality else "train time, s"
    return f"{ {'cpu': 'CPU time', 'memory': 'peak memory'}.get(judged.metric, judged.metric) }, {UNITS[judged.metric][0]}"


def _value(judged: Judged, value: float, cell: CellResult) -> str:
    if judged.metric == "quality":
        return f"{value if is_error(cell.quality) else 1 / value:.4f}"
    return formatting.format_number(value * UNITS[judged.metric][1])


def _ratio(judged: Judged) -> str:
    known = judged.judgement
    if judged.metric == "instructions":
        return f"{known.ratio:.4f}"
    return f"{known.ratio:.3f}" + (
        f" [{known.low:.3f}, {known.high:.3f}]" if known.low is not None and known.high is not None else ""
    )


def _pairs(judged: Judged) -> str:
    known = judged.judgement
    return f"{known.pairs} ({known.fresh})" if known.fresh else str(known.pairs)


def _open(cell: CellResult, judged: Judged, budget: Budget) -> str | None:
    known = judged.judgement
    if known.verdict != "undecided":
        return None
    seen = (
        f"{known.pairs} pairs are too few to see any effect: {_least(budget)}"
        if known.visible is None
        else (f"the smallest effect that these launches would have shown is {100 * known.visible:.1f} %")
    )
    first = "; first launches showed a difference, fresh ones have not confirmed it" if known.unconfirmed else ""
    return f"undecided: {judged.metric} of {cell.label}: {seen}{first}; allow more time with --max-time"


def _least(budget: Budget) -> str:
    large = f"{100 * LARGE:.0f} %"
    return f"{fewest_pairs(budget)} are the least for one above {large}, {fewest_for_small(budget)} for a smaller one"


def _steadiness(cell: CellResult) -> str | None:
    if not cell.epochs or not cell.judged:
        return None
    if not cell.steady.found:
        return f"{cell.label}: no steady state in {cell.epochs} epochs, so all of them count; use more with --epochs"
    if cell.steady.start:
        return f"{cell.label}: steady from epoch {cell.steady.start + 1} of {cell.epochs}; the ones before are left out of time"
    return None
