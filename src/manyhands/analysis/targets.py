"""Time to quality: how long a cell trains until its model reaches a target, and how many of its runs reach it.

Use this comparison when the batch, and so the optimisation, changes with the workers. It needs runs that scored every epoch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.launch_model import GroupFit, fit_cells
from manyhands.analysis.ratios import LaunchValue, Ratio
from manyhands.analysis.scaling import block, engine
from manyhands.analysis.spread import LaunchSpread, finite_or_none, spread
from manyhands.record import Record

ERRORS = ("loss", "mape", "rmse", "mse", "mae", "error", "davies_bouldin", "inertia", "perplexity")
"""Words in the names of metrics for which lower is better."""


@dataclass(frozen=True)
class QualityTarget:
    """A metric and the value to reach."""

    metric: str
    value: float

    def is_met(self, value: float) -> bool:
        """True when `value` reaches the target; the name of the metric decides the direction."""
        return value <= self.value if is_error(self.metric) else value >= self.value


@dataclass(frozen=True)
class TimeToTarget:
    """Seconds of training until the target, over the runs that reached the target."""

    seconds: LaunchSpread | None
    """None when no run reached the target. Runs that missed it are left out, so a low share makes this time look too good."""
    reached: int
    scored: int
    """The number of runs with the metric after every epoch; 0 when no run scored its epochs."""
    speedup: Ratio | None = None
    """The base line's time over the cell's, from the model of all launches; None for the base line itself, or without times."""


def target_of(group: Group) -> QualityTarget | None:
    """The target that all runs of the group were made for (`--target`); None without one, or with several."""
    texts = {record.spec.get("target") for record in group.measured}
    text = next(iter(texts)) if len(texts) == 1 else None
    return read_target(text) if isinstance(text, str) else None


def read_target(text: str) -> QualityTarget | None:
    """The target of `accuracy=0.95`; None for another text."""
    metric, _, value = text.rpartition("=")
    try:
        return QualityTarget(metric, float(value)) if metric else None
    except ValueError:
        return None


def misses(cell: Cell, target: QualityTarget) -> bool:
    """True when a launch of the cell was not scored, or ended without the target: then the cell never wins."""
    return any(_first(record, target) is None for record in cell.measured)


def race(cells: Sequence[Cell], target: QualityTarget) -> GroupFit | None:
    """The model of the times until the target, of the cells that reach it in every launch; None with fewer than two of them."""
    ready = [cell for cell in cells if cell.measured and not misses(cell, target)]
    return fit_cells(ready, ready[0], _launches(ready, target)) if len(ready) > 1 else None


def is_error(metric: str) -> bool:
    """True when lower is better; the name of the metric decides."""
    return any(word in metric.lower() for word in ERRORS)


def times_to_target(cells: Sequence[Cell], base: Cell | None, target: QualityTarget) -> list[TimeToTarget]:
    """`time_to_target` of every cell, with its speed-up over the base line."""
    fit = fit_cells(cells, base, _launches(cells, target)) if base else None
    return [
        replace(time_to_target(cell, target), speedup=fit.speedup(cell) if fit and cell is not base else None) for cell in cells
    ]


def time_to_target(cell: Cell, target: QualityTarget) -> TimeToTarget:
    """The training time until the end of the first epoch that reached the target; time for scoring is not counted."""
    scored = [
        record
        for record in cell.measured
        if any(finite_or_none(epoch.get(target.metric)) is not None for epoch in record.history)
    ]
    times = [taken for taken in (_first(record, target) for record in scored) if taken is not None]
    return TimeToTarget(spread(times), len(times), len(scored))


def _launches(cells: Sequence[Cell], target: QualityTarget) -> list[list[LaunchValue]]:
    return [
        [LaunchValue(block(record), 1 / taken, engine(record)) for record in cell.measured if (taken := _first(record, target))]
        for cell in cells
    ]


def _first(record: Record, target: QualityTarget) -> float | None:
    for epoch in record.history:
        value, taken = finite_or_none(epoch.get(target.metric)), finite_or_none(epoch.get("elapsed_s"))
        if value is not None and taken is not None and target.is_met(value):
            return taken
    return None
