"""Fitted scaling laws -> a line for every backend with two worker counts or more."""

from __future__ import annotations

import math
from collections.abc import Sequence

from manyhands.analysis.best_law import Choice, Curve
from manyhands.analysis.core_hours import may_be_any_share
from manyhands.analysis.fit import LawFit, NotIdentifiable
from manyhands.analysis.laws import AMDAHL, USL
from manyhands.analysis.spread import Estimate
from manyhands.report import formatting


def laws(found: Sequence[tuple[Curve, Choice | NotIdentifiable]]) -> list[str]:
    """The scaling law of every curve in a line, or why there is none."""
    lines = []
    for curve, law in found:
        text = f"scaling law {law}" if isinstance(law, NotIdentifiable) else _law(law)
        lines.append(formatting.plain(f"{curve.name}, {formatting.count(curve.threads, 'thread')}: {text}"))
    return lines


def _law(choice: Choice) -> str:
    best = choice.fits[0]
    meanings = zip(best.law.meanings, best.parameters.values(), strict=True)
    parts = [f"{best.law.name} fits best: {', '.join(f'{meaning} {_value(best, value)}' for meaning, value in meanings)}"]
    parts += [part for part in (_limit(best), _peak(choice)) if part]
    if choice.error_at_largest is not None:
        missed = f"{100 * choice.error_at_largest:+.0f} %"
        parts.append(f"fitted without {max(choice.curve.workers)} workers it misses them by {missed}")
    return "; ".join(parts)


def _value(best: LawFit, value: Estimate) -> str:
    """The parameter; a dash for a serial fraction that may be anything."""
    is_nothing = best.law is not USL and may_be_any_share(value)
    return formatting.NOT_MEASURED if is_nothing else formatting.interval(value)


def _limit(best: LawFit) -> str:
    if best.law is not AMDAHL or best.parameters["sigma"].value <= 0 or may_be_any_share(best.parameters["sigma"]):
        return ""
    return f"never more than {formatting.format_number(1 / best.parameters['sigma'].value)} x one worker"


def _peak(choice: Choice) -> str:
    low, value, high = choice.peak.low, choice.peak.value, choice.peak.high
    if choice.fits[0].law is not USL or low is None or high is None or math.isinf(value):
        return ""
    top = "no end" if math.isinf(high) else f"{high:.0f}"
    return f"more than {value:.0f} workers hurt [{low:.0f}, {top}]"
