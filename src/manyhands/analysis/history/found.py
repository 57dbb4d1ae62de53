"""All series of a project -> their changes and drifts, with confidences corrected for the number of series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from manyhands.analysis.history.change_points import ChangePoint, Drift, change_points, drift
from manyhands.analysis.history.series import CommitSeries, Order

SURE = 0.95


@dataclass(frozen=True)
class History:
    """The changes and drifts of all series."""

    series: tuple[CommitSeries, ...]
    changes: tuple[ChangePoint, ...]
    drifts: tuple[Drift, ...]
    effect: float
    """Drift below this share is not reported."""
    left_out: int = 0
    """Values of asv's results that were measured in another way than the present ones."""

    @property
    def crept(self) -> list[Drift]:
        """Drifts that are worse than the last release by more than the effect, with a confidence of at least SURE."""
        limit, more_is_better = 1 + self.effect, {one.name for one in self.series if one.more_is_better}
        return [
            one
            for one in self.drifts
            if (one.shift.ratio < 1 / limit if one.series in more_is_better else one.shift.ratio > limit)
            and one.shift.confidence >= SURE
        ]


def find(series: Sequence[CommitSeries], order: Order, effect: float) -> History:
    """The changes and drifts of the series; confidences are corrected for the number of each."""
    left_out = sum(one.left_out for one in series)
    series = [one for one in series if one.points]
    changes = [change for one in series for change in change_points(one)]
    drifts = [found for one in series if (found := drift(one, order))]
    return History(tuple(series), tuple(_corrected(changes)), tuple(_corrected(drifts)), effect, left_out)


Shifted = TypeVar("Shifted", ChangePoint, Drift)


def _corrected(changes: Sequence[Shifted]) -> list[Shifted]:
    from scipy.stats import false_discovery_control

    if not changes:
        return []
    p_values = false_discovery_control([min(1.0, max(0.0, 1 - change.shift.confidence)) for change in changes])
    return [
        replace(change, shift=replace(change.shift, confidence=1 - float(p))) for change, p in zip(changes, p_values, strict=True)
    ]
