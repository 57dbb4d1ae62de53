"""How often do 95 % intervals contain the truth, and how wide are they? For several models, on stored launches."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from benchmarks.intervals.pools import NOISES, POOLS, Array, deal, noises, percent, pool, table
from benchmarks.intervals.rivals import Answer, huber, own_pairs, pooled, smyth
from scipy.special import stdtrit

from manyhands.analysis.model.levels import Levels, levels
from manyhands.analysis.model.observations import Observations

SIZES = ((6, 2), (6, 3), (6, 5), (6, 8), (12, 2), (12, 5))
"""Cells and blocks."""
DRAWS = 2000


def fits(plans: Array) -> list[Levels]:
    """The model of this project on every plan."""
    _, blocks, cells = plans.shape
    cell, block = np.tile(np.arange(cells), blocks), np.eye(blocks)[np.repeat(np.arange(blocks), cells)]
    return [levels(Observations(plan.ravel(), cell, block, cells)) for plan in plans]


def reaches(found: Levels) -> Array:
    """Half of the intervals of all cells but the base line."""
    return np.asarray(stdtrit(found.freedom[1:, 0], 0.975) * np.sqrt(found.variance[1:, 0]))


def this_model(plans: Array) -> Answer:
    """What reports show."""
    found = fits(plans)
    return np.array([one.level[1:] - one.level[0] for one in found]), np.array([reaches(one) for one in found])


MODELS: Mapping[str, Callable[[Array], Answer]] = {
    "own pairs, Student's t": own_pairs,
    "one variance for all cells": pooled,
    "limma's estimated prior": smyth,
    "Huber's M-estimate": huber,
    "**this model**": this_model,
}


def print_coverage(draws: int = DRAWS) -> None:
    """A table for every kind of noise."""
    for kind in NOISES:
        print(f"### Noise: {kind}\n")
        rows = []
        for cells, blocks in SIZES:
            plans = {name: deal(pool(name), cells, blocks, draws, noises(kind, cells)) for name in POOLS}
            for model, answer in MODELS.items():
                found = [described(*answer(plans[name])) for name in POOLS]
                rows.append([f"{cells} x {blocks}", model, *(text for pair in found for text in pair)])
        head = [text for name in POOLS for text in (f"{name}: covers", "± %")]
        print(table(["cells x blocks", "model", *head], rows), flush=True)


def described(difference: Array, reach: Array) -> tuple[str, str]:
    """Coverage of the least and the best covered cell in per cent, and the median half-width in per cent of the speed-up."""
    covered = (np.abs(difference) <= reach).mean(0)
    width = float(np.median(np.sinh(np.minimum(reach, 50.0))))
    return f"{percent(covered.min())}-{percent(covered.max())}", percent(width)
