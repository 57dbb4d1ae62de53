"""How often is the statement on the fastest cell wrong, and how often is a lead found? On stored launches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from benchmarks.intervals.coverage import fits
from benchmarks.intervals.hsu import may_be_best
from benchmarks.intervals.pools import NOISES, POOLS, deal, noises, percent, pool, table

from manyhands.analysis.model.fastest import may_be_fastest
from manyhands.analysis.model.levels import Levels

CELLS, BLOCKS = 6, (2, 3, 5)
LEADS = (0.0, 0.1, 0.2)
"""Lead of the fastest cell over the others, which are equal."""


def print_fastest(draws: int = 1000) -> None:
    """Wrong statements with all cells equal, and how often a lead is found, by blocks."""
    rows = []
    for blocks in BLOCKS:
        for kind in NOISES:
            for name in POOLS:
                found = fits(deal(pool(name), CELLS, blocks, draws, noises(kind, CELLS), seed=1))
                results = [_shares(found, lead, _tukey) for lead in LEADS]
                hsu = [_shares(found, lead, may_be_best) for lead in LEADS[:2]]
                wrong = [percent(shares[0]) for shares in results]
                right = [percent(shares[1]) for shares in results[1:]]
                rows.append([str(blocks), kind, name, *wrong, *right, percent(hsu[0][0]), percent(hsu[1][1])])
    head = [*(f"wrong, {_lead(lead)}" for lead in LEADS), *(f"{_lead(lead)} found" for lead in LEADS[1:])]
    head += [f"Hsu: wrong, {_lead(LEADS[0])}", f"Hsu: {_lead(LEADS[1])} found"]
    print(table(["blocks", "noise", "pool", *head], rows), flush=True)


def _lead(lead: float) -> str:
    return f"lead {100 * lead:.0f} %" if lead else "all equal"


def _tukey(found: Levels) -> list[int]:
    return may_be_fastest(found, range(CELLS))


def _shares(found: Sequence[Levels], lead: float, candidates: Callable[[Levels], list[int]]) -> tuple[float, float]:
    """Share of wrong statements, and share of right ones that name a single cell. The cell that leads is the last one."""
    wrong = right = 0
    for one in found:
        truth = np.zeros(CELLS)
        truth[-1] = np.log1p(lead)
        left = candidates(replace(one, level=one.level + truth))
        best = [CELLS - 1] if lead else range(CELLS)
        wrong += any(cell not in left for cell in best)
        right += len(left) == 1 and left[0] in best
    return wrong / len(found), right / len(found)
