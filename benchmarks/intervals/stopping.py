"""The same when blocks are added until it is sure: do intervals and statements still hold? On stored launches.

Two blocks of all cells come first. After each block the model is fitted; the next block has the base line and the cells that are open:
those that may be fastest, or those whose half-width is above the goal. It ends when none is open, or after MOST blocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from benchmarks.intervals.coverage import reaches
from benchmarks.intervals.pools import POOLS, Array, Pool, noises, percent, pool, table

from manyhands.analysis.model.fastest import may_be_fastest
from manyhands.analysis.model.levels import Levels, levels
from manyhands.analysis.model.observations import Observations

CELLS, FIRST, MOST = 6, 2, 12
Goal = Literal["winner"] | float


@dataclass(frozen=True)
class Ended:
    """A plan that ended by itself or after MOST blocks."""

    covers: Array
    """True for every cell but the base line whose interval contains the truth."""
    wrong: bool
    found: bool
    """True when the fastest cell is named alone."""
    blocks: int
    launches: int


def print_stopping(draws: int = 200) -> None:
    """Coverage, wrong statements and length by goal, noise and lead."""
    rows = []
    goals: list[tuple[Goal, float]] = [("winner", 0.0), ("winner", 0.1), ("winner", 0.2), (0.05, 0.0)]
    for goal, lead in goals:
        for kind in ("equal", "unequal"):
            for name in POOLS:
                launches, chance = pool(name), np.random.default_rng(2)
                ended = [_until(goal, lead, launches, noises(kind, CELLS), chance) for _ in range(draws)]
                covers = np.mean([one.covers for one in ended], axis=0)
                shares = [np.mean([getattr(one, field) for one in ended]) for field in ("wrong", "found")]
                means = [np.mean([getattr(one, field) for one in ended]) for field in ("blocks", "launches")]
                rows.append(
                    [
                        goal if isinstance(goal, str) else f"± {100 * goal:.0f} %",
                        f"{100 * lead:.0f} %" if lead else "all equal",
                        kind,
                        name,
                        f"{percent(covers.min())}-{percent(covers.max())}",
                        percent(float(shares[0])),
                        percent(float(shares[1])) if lead else "-",
                        f"{means[0]:.1f}",
                        f"{means[1]:.0f}",
                    ]
                )
    head = ["until", "lead", "noise", "pool", "covers", "wrong", "lead found", "blocks", "launches"]
    print(table(head, rows), flush=True)


def _until(goal: Goal, lead: float, launches: Pool, noise: Array, chance: np.random.Generator) -> Ended:
    truth = np.zeros(CELLS)
    truth[1] = np.log1p(lead)
    at, seen = int(chance.integers(len(launches.level))), 0
    log: list[float] = []
    cell: list[int] = []
    block: list[int] = []
    open_cells = list(range(CELLS))
    for number in range(MOST):
        for one in map(int, chance.permutation(open_cells)):
            place = (at + seen) % len(launches.level)
            log.append(launches.level[place] + noise[one] * launches.noise[place] + truth[one])
            cell.append(one)
            block.append(number)
            seen += 1
        if number + 1 < FIRST:
            continue
        found = levels(Observations(np.array(log), np.array(cell), np.eye(number + 1)[block], CELLS))
        left = may_be_fastest(found, range(CELLS))
        still = _open(found, left, goal)
        if not still:
            break
        open_cells = sorted({0, *still})
    error = found.level[1:] - found.level[0] - (truth[1:] - truth[0])
    best = [1] if lead else range(CELLS)
    wrong = any(one not in left for one in best)
    return Ended(np.abs(error) <= reaches(found), wrong, left == [1], number + 1, seen)


def _open(found: Levels, left: list[int], goal: Goal) -> list[int]:
    if goal == "winner":
        return left if len(left) > 1 else []
    return [cell for cell, reach in enumerate(reaches(found), start=1) if np.sinh(min(reach, 50.0)) > goal]
