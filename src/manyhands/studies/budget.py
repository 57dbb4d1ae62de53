"""How a budget of time scales a study: from what a short pilot cost to repeats, epochs and rows.

A run costs what does not depend on the rows (launch, load, teardown, an engine's own overhead) and what does. First come
repeats, up to three, since one launch has no interval; then work, up to the published size; then more repeats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from manyhands.errors import UsageError
from manyhands.studies.study import StudyPart

ENOUGH_REPEATS = 3
"""Launches that are worth more than larger work: an interval from two is a guess."""
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Scale:
    """What fits a budget."""

    repeats: int
    share: float
    """Of the work at full scale, 0 to 1; a part whose least is more does that."""
    expected_s: float


def parse_budget(text: str) -> float:
    """Seconds of `--budget`; raises UsageError for what is no time."""
    try:
        return parse_duration(text)
    except UsageError as error:
        raise UsageError(f"--budget {error}") from None


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `10m`, `1.5h` or plain seconds; raises UsageError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not seconds > 0 or not math.isfinite(seconds):
        raise UsageError(f"{text} is no time above 0; write for example 90s, 10m or 1h")
    return seconds


def fit_budget(once_s: Callable[[float], float], budget_s: float, most_repeats: int, repeats: int | None = None) -> Scale:
    """The largest scale whose expected seconds stay within the budget, and the smallest one when none does.

    `once_s`: share of the work -> seconds that one launch of every cell takes. `repeats`: as many and no others.
    """
    least_s, all_s = once_s(0.0), once_s(1.0)
    wanted = [repeats] if repeats else range(min(ENOUGH_REPEATS, most_repeats), 0, -1)
    chosen = next((count for count in wanted if count * least_s <= budget_s), min(wanted))
    if chosen * all_s > budget_s:
        share = _largest_share(once_s, budget_s / chosen)
        return Scale(chosen, share, chosen * once_s(share))
    if not repeats:
        chosen = max(chosen, min(most_repeats, int(budget_s / all_s))) if all_s else most_repeats
    return Scale(chosen, 1.0, chosen * all_s)


def _largest_share(once_s: Callable[[float], float], budget_s: float) -> float:
    """The largest share whose seconds stay within the budget: they grow with it, so halving finds it to 0.1 %."""
    low, high = 0.0, 1.0
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if once_s(middle) <= budget_s else (low, middle)
    return low


def work_at(part: StudyPart, share: float, rows: int) -> tuple[int, int]:
    """Epochs and training rows of the part with that share of its work; `rows` are all there are at full scale.

    Epochs go first, down to the least; what is left of the share is taken from the rows.
    """
    least_rows = min(rows, part.least_samples) if part.least_samples else rows
    step = part.epochs_step
    epochs = max(part.least_epochs, min(part.epochs, round(share * part.epochs / step) * step))
    left = share * part.epochs / epochs
    if left >= 1:
        return epochs, rows
    whole_batches = max(1, int(left * rows) // part.batch_size) * part.batch_size  # so that no worker pads its last one
    return epochs, max(least_rows, min(rows, whole_batches))
