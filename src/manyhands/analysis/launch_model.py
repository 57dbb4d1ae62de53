"""A group of launches -> every speed-up with its interval, and the cells that may be the fastest: one source for all reports.

The model: log throughput = cell + block + noise over all measured launches of all cells, with the block of the plan's repeat. The
spread of launches belongs to the machine and its hour as much as to a cell, so it is estimated from all cells together, and more
from a cell's own launches where that cell differs. How it was chosen, and how often it is wrong: docs/results/intervals.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.intervals import t_quantile
from manyhands.analysis.model.fastest import may_be_fastest, range_quantile
from manyhands.analysis.model.levels import Levels, levels
from manyhands.analysis.model.observations import observations
from manyhands.analysis.ratios import LaunchValue, Ratio
from manyhands.analysis.scaling import Time, base_line, throughputs
from manyhands.analysis.spread import finite_or_none

METHOD, NO_SPREAD = "cell + block", "one launch"
"""The values of `Ratio.method`: with an interval, and without one because no cell has a second launch."""
MOST_BLOCKS = 1000
"""An estimate of further blocks above this is given as None."""


@dataclass(frozen=True)
class Best:
    """The answer to "which cell is fastest?", with one error rate of 5 % for the whole statement."""

    candidates: tuple[Cell, ...]
    """The cells that cannot be distinguished from the fastest, the fastest so far first; one only when the winner is sure."""
    slower: tuple[Cell, ...]
    """The cells that are slower than the fastest, fast ones first."""
    is_known: bool
    """False when nothing is known about the spread of launches, because no cell has a second one; all cells are candidates then."""

    @property
    def is_sure(self) -> bool:
        """True when one cell is the fastest."""
        return self.is_known and len(self.candidates) == 1


@dataclass(frozen=True)
class GroupFit:
    """The model fitted to one group; every number of a report on speed comes from it."""

    cells: tuple[Cell, ...]
    """The cells with a measured time, in the order of the group."""
    base: Cell
    levels: Levels

    def speedup(self, cell: Cell) -> Ratio | None:
        """The cell's throughput over the base line's with its 95 % interval; None for a cell without a measured time.

        The interval is for this one cell, not for all cells at once. The base line itself is 1 without bounds.
        """
        place = self._place(cell)
        if place is None:
            return None
        base = self._base
        value = math.exp(self.levels.level[place] - self.levels.level[base])
        launches = int(min(self.levels.counts[place], self.levels.counts[base]))
        reach = self._reach(place)
        if reach is None:
            return Ratio(value, None, None, launches, NO_SPREAD)
        # Few launches with very different values give bounds beyond the range of a float; exp(700) is just inside.
        low, high = (math.exp(min(700.0, max(-700.0, math.log(value) + side * reach))) for side in (-1, 1))
        return Ratio(value, low, high, launches, METHOD)

    def half_width(self, cell: Cell) -> float | None:
        """Half of the interval of the cell's speed-up, as a share of the speed-up: 0.05 is ± 5 %. None without an interval."""
        place = self._place(cell)
        reach = None if place is None else self._reach(place)
        return None if reach is None else math.sinh(min(reach, 700.0))

    def error(self, cell: Cell) -> tuple[float, float] | None:
        """Variance of the logarithm of the cell's speed-up, and its degrees of freedom; None where it has no interval."""
        place = self._place(cell)
        return None if place is None else self._error(place)

    def best(self) -> Best:
        """The cells that may be the fastest. A cell that learnt nothing, its loss or score being no number, is in neither list."""
        rated = [number for number, cell in enumerate(self.cells) if has_learnt(cell)]
        left = may_be_fastest(self.levels, rated)
        order = sorted(set(rated) - set(left), key=lambda number: -self.levels.level[number])
        return Best(self._named(left), self._named(order), bool(self.levels.freedom.any()))

    def blocks_needed(self, goal: Literal["winner"] | float) -> int | None:
        """About how many more blocks until there is one candidate ("winner"), or until every half-width is at most `goal`.

        0 when it is so already; None when nothing is known about the spread, or when it would take more than MOST_BLOCKS. The estimate
        takes the levels and the spread as they are now, so it jumps while launches are few.
        """
        if not self.levels.freedom.any():
            return None
        enough = self._has_winner if goal == "winner" else lambda more: self._is_narrow(float(goal), more)
        high = 1
        if enough(0):
            return 0
        while not enough(high):
            high *= 2
            if high > MOST_BLOCKS:
                return None
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if enough(middle) else (middle, high)
        return high

    @property
    def _base(self) -> int:
        return self.cells.index(self.base)

    def _place(self, cell: Cell) -> int | None:
        return next((number for number, own in enumerate(self.cells) if own is cell or own == cell), None)

    def _named(self, numbers: Sequence[int]) -> tuple[Cell, ...]:
        return tuple(self.cells[number] for number in numbers)

    def _error(self, place: int) -> tuple[float, float] | None:
        """Variance of log speed-up and its degrees of freedom; None without an interval."""
        base = self._base
        freedom, variance = float(self.levels.freedom[place, base]), float(self.levels.variance[place, base])
        return None if place == base or freedom <= 0 or not math.isfinite(variance) else (variance, freedom)

    def _reach(self, place: int) -> float | None:
        """Half of the interval of log speed-up; None without an interval."""
        found = self._error(place)
        return None if found is None else t_quantile(found[1]) * math.sqrt(found[0])

    def _later(self, one: int, other: int, more: int) -> tuple[float, float]:
        """Error and degrees of freedom of a difference after `more` blocks of both cells."""
        launches = max(1, int(min(self.levels.counts[one], self.levels.counts[other])))
        grown = (launches + more) / launches
        freedom, variance = float(self.levels.freedom[one, other]), float(self.levels.variance[one, other])
        return math.sqrt(variance / grown), freedom * grown

    def _is_narrow(self, goal: float, more: int) -> bool:
        for place in range(len(self.cells)):
            if place != self._base:
                error, freedom = self._later(place, self._base, more)
                if not freedom or math.sinh(min(t_quantile(freedom) * error, 700.0)) > goal:
                    return False
        return True

    def _has_winner(self, more: int) -> bool:
        left = may_be_fastest(self.levels, [number for number, cell in enumerate(self.cells) if has_learnt(cell)])
        for other in left[1:]:
            error, freedom = self._later(left[0], other, more)
            lead = float(self.levels.level[left[0]] - self.levels.level[other])
            if not freedom or lead <= range_quantile(len(left), freedom) * error:
                return False
        return True


def fit_group(group: Group, time: Time = "train") -> GroupFit | None:
    """The model of the group's launches; None without a measured base line, or without another cell to compare with it."""
    base = base_line(group)
    if base is None:
        return None
    measured = [cell for cell in group.cells if cell.measured]
    return fit_cells(measured, base, throughputs(measured, time))


def fit_cells(cells: Sequence[Cell], base: Cell, launches: Sequence[Sequence[LaunchValue]]) -> GroupFit | None:
    """The model of other values than throughput, more of which is better; None as in `fit_group`. A list for every cell, maybe empty."""
    known = [(cell, values) for cell, values in zip(cells, launches, strict=True) if values]
    if len(known) < 2 or not any(cell is base for cell, _ in known):
        return None
    return GroupFit(tuple(cell for cell, _ in known), base, levels(observations([values for _, values in known])))


def has_learnt(cell: Cell) -> bool:
    """False when a launch ended with a loss or a score that is no number: such a cell never wins."""
    for record in cell.measured:
        scores = [value for value in record.quality.values() if not isinstance(value, list | dict)]
        if any(finite_or_none(value) is None for value in (*scores, *(epoch.get("loss", 0.0) for epoch in record.history[-1:]))):
            return False
    return True
