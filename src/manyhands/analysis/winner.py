"""The fastest cell of a group, and the cells that the launches cannot distinguish from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.summary import Summary


@dataclass(frozen=True)
class Winner:
    """The cell with the highest speed-up."""

    best: Summary
    rivals: tuple[Summary, ...]
    """Cells that may be as fast as the best one, by one comparison of all cells with an error rate of 5 %."""
    is_sure: bool
    """True when there are no rivals; False also when no cell has a second launch, so that nothing is known about their spread."""


def winner(summaries: Sequence[Summary]) -> Winner | None:
    """The winner; None with fewer than two cells, or without a base line. A cell that learnt nothing does not count."""
    best = next((row for row in summaries if row.place == "fastest"), None)
    if best is None or not any(row.is_base for row in summaries) or sum(row.place is not None for row in summaries) < 2:
        return None
    known = any(row.speedup is not None and row.speedup.low is not None for row in summaries)
    rivals = tuple(row for row in summaries if known and row.place == "not distinguishable")
    return Winner(best, rivals, known and not rivals)
