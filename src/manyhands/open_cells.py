"""Records so far -> the cells whose question is still open, for `--until winner` and `--until 5%`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.cells import Cell, Group, group_records
from manyhands.analysis.launch_model import GroupFit, fit_group
from manyhands.analysis.targets import race, target_of
from manyhands.planning.option_values import WINNER
from manyhands.record import Record


@dataclass(frozen=True)
class Question:
    """The open question of one workload. Cells have the names that `cell_name` gives them."""

    workload: str
    base: str
    open: tuple[str, ...]
    """The cells that may be the fastest, or whose speed-up is not known well enough; empty when the answer is there."""
    blocks: int | None
    """About how many more blocks the answer takes; None when that is not known."""


def questions(records: Sequence[Record], until: str | float) -> list[Question]:
    """The question of every workload that has a base line and another cell to compare; of several groups that of the last record.

    `until`: `winner`, or the half-width that every speed-up may have. Records of one plan have one group for each workload, unless
    the code or the machine has changed since an earlier part of it.
    """
    latest: dict[str, Group] = {}
    for group in group_records(records):
        before = latest.get(group.workload)
        if before is None or _ended(group) > _ended(before):
            latest[group.workload] = group
    fits = {name: fit_group(group) for name, group in latest.items()}
    return [_question(latest[name], fit, until) for name, fit in fits.items() if fit is not None]


def _ended(group: Group) -> str:
    return max(record.started_at for record in group.records)


def _question(group: Group, fit: GroupFit, until: str | float) -> Question:
    workload = group.workload
    if until == WINNER:
        target = target_of(group)
        rivals = race(group.cells, target) if target else fit
        if rivals is None:  # at most one cell reaches the target
            return Question(workload, _name(fit.base), (), 0)
        best = rivals.best()
        cells = () if best.is_sure else best.candidates
        return Question(workload, _name(fit.base), tuple(map(_name, cells)), rivals.blocks_needed("winner"))
    goal = float(until)
    wide = [cell for cell in fit.cells if cell is not fit.base and ((width := fit.half_width(cell)) is None or width > goal)]
    return Question(workload, _name(fit.base), tuple(map(_name, wide)), fit.blocks_needed(goal))


def _name(cell: Cell) -> str:
    return cell_name(cell.records[0].spec)


def cell_name(spec: Mapping[str, Any]) -> str:
    """A text that the specs of all launches of a cell share, whether they come from a plan or from a record."""
    return json.dumps(
        {name: value for name, value in spec.items() if name not in ("repeat", "node_rank")}, sort_keys=True, default=str
    )
