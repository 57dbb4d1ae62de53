"""Scales a study to a time budget: from the cost of a short pilot to repeats, epochs and rows.

The cost of a run has a fixed part (launch, load, teardown, an engine's own overhead) and a part that grows with the rows. The budget
goes first to repeats, up to three, because one launch has no interval; then to work, up to the published size; then to more repeats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from manyhands.errors import UsageError
from manyhands.studies.study import StudyPart

ENOUGH_REPEATS = 3
"""Up to this many repeats come before more work, because an interval from two launches is a guess."""
UNITS = {"": 1, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Scale:
    """The scale that fits a budget."""

    repeats: int
    share: float
    """Share of the work at full scale, 0 to 1; a part never does less than its own minimum."""
    expected_s: float


def parse_budget(text: str) -> float:
    """The seconds of `--budget`; raises UsageError for an invalid time."""
    try:
        return parse_duration(text)
    except UsageError as error:
        raise UsageError(f"--budget {error}") from None


def parse_duration(text: str) -> float:
    """The seconds of `90s`, `10m`, `1.5h` or plain seconds; raises UsageError for any other text."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip().lower())
    seconds = float(found[1]) * UNITS[found[2]] if found else 0.0
    if not seconds > 0 or not math.isfinite(seconds):
        raise UsageError(f"{text} is not a time above 0; write for example 90s, 10m or 1h")
    return seconds


def fit_budget(once_s: Callable[[float], float], budget_s: float, most_repeats: int, repeats: int | None = None) -> Scale:
    """The largest scale whose expected seconds stay within the budget; the smallest scale when none does.

    `once_s`: share of the work -> seconds for one launch of every cell. `repeats`: a fixed number of repeats; None chooses it.
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
    """The largest share whose seconds stay within the budget. The seconds grow with the share, so bisection finds it to 0.1 %."""
    low, high = 0.0, 1.0
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if once_s(middle) <= budget_s else (low, middle)
    return low


def work_at(part: StudyPart, share: float, rows: int) -> tuple[int, int]:
    """Epochs and training rows of the part with that share of its work; `rows` is the number of rows at full scale.

    Epochs are reduced first, down to their minimum; then rows are reduced.
    """
    least_rows = min(rows, part.least_samples) if part.least_samples else rows
    step = part.epochs_step
    epochs = max(part.least_epochs, min(part.epochs, round(share * part.epochs / step) * step))
    left = share * part.epochs / epochs
    if left >= 1:
        return epochs, rows
    whole_batches = max(1, int(left * rows) // part.batch_size) * part.batch_size  # so that no worker pads its last batch
    return epochs, max(least_rows, min(rows, whole_batches))
