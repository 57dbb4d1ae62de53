"""The quality of a cell's model and of the base line's -> which is better, or that the held-out rows and the launches cannot tell.

Other rows, or another seed, would give another score, so a difference counts only beyond what those two make by chance. Of rows: a
score such as accuracy is a share of n held-out rows with the binomial error sqrt(p (1 - p) / n), by the test of two proportions; an
error such as MAPE or RMSE is a mean over rows with about the error m / sqrt(n), exact for a mean of exponential errors. Both models are
scored on the same rows, so the true error of their difference is smaller: the margin is on the safe side. Of launches: the standard
deviation over launches, which holds that over seeds where each launch has its own. Sources: Dietterich 1998, Approximate statistical
tests for comparing supervised classification learning algorithms, doi:10.1162/089976698300017197; Bouthillier et al. 2021, Accounting
for variance in machine learning benchmarks, arXiv:2103.03098, where rows and seeds are the largest sources.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from manyhands.analysis.intervals import reach_of_difference
from manyhands.analysis.spread import LaunchSpread, finite_or_none
from manyhands.analysis.targets import is_error
from manyhands.record import Record

NORMAL = 1.96
"""Standard errors in half of a 95 % interval of a mean over many rows."""


@dataclass(frozen=True)
class ModelQuality:
    """A cell's model beside that of the base line."""

    verdict: Literal["as good", "better", "worse"] | None
    """None when nothing is known about chance, so that a difference may be anything."""
    margin: float | None
    """The largest difference that chance makes in 95 of 100 comparisons; None when nothing is known about it."""
    rows: int | None
    """Held-out rows that both models were scored on; None when a record lacks them."""
    seeds: int
    """Different seeds among the launches. With one, a difference may be that of this seed alone."""


def model_quality(metric: str, own: LaunchSpread, base: LaunchSpread, records: Sequence[Record]) -> ModelQuality:
    """The verdict on the metric; `records`: the measured ones of both cells."""
    rows = _rows(records)
    margin = _margin(metric, own, base, rows)
    difference = own.mean - base.mean
    seeds = len({record.spec.get("seed") for record in records})
    if abs(difference) <= max(margin or 0.0, 1e-9 * abs(base.mean)):
        return ModelQuality("as good", margin, rows, seeds)
    if margin is None:
        return ModelQuality(None, None, rows, seeds)
    return ModelQuality("better" if (difference < 0) == is_error(metric) else "worse", margin, rows, seeds)


def _rows(records: Sequence[Record]) -> int | None:
    """The held-out rows of all records; None when one lacks them."""
    held = [counts.get("test") if isinstance(counts := record.data.get("rows"), dict) else None for record in records]
    known = [int(count) for value in held if (count := finite_or_none(value))]
    return min(known) if known and len(known) == len(held) else None


def _margin(metric: str, own: LaunchSpread, base: LaunchSpread, rows: int | None) -> float | None:
    of_rows = NORMAL**2 * 2 * _variance(metric, own.mean, base.mean) / rows if rows else 0.0
    together = of_rows + _launches(own, base)
    return math.sqrt(together) if rows or together else None


def _variance(metric: str, own: float, base: float) -> float:
    """Variance of the score of a single row."""
    centre = (own + base) / 2
    is_share = not is_error(metric) and min(own, base) >= 0 and max(own, base) <= 1
    return centre * (1 - centre) if is_share else centre**2


def _launches(own: LaunchSpread, base: LaunchSpread) -> float:
    """The square of what launches make, by Welch's t; 0 where neither cell has a second launch."""
    of_own, of_base = (((one.sd or 0.0) ** 2 / one.count, max(one.count - 1.0, 1.0)) for one in (own, base))
    return reach_of_difference(of_own, of_base) ** 2
