"""Stored launches of one unchanged program -> made-up plans: consecutive launches dealt to cells, so that drift is in them.

A pool is split into a level that moves, the mean of the 25 launches around each, and the noise around it. A cell with 2 or 4 times the
noise keeps the level and has its noise multiplied. All cells have the same true throughput.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RESULTS = Path(__file__).parents[2] / "docs" / "results"
POOLS = ("steady", "restless", "live")
AROUND = 12
"""Launches on either side that make the level."""
NOISES = {"equal": (1, 1, 1, 1, 1, 1), "unequal": (1, 1, 2, 2, 4, 4), "noisy base line": (4, 4, 2, 2, 1, 1)}
"""Name -> noise of every cell in multiples of the pool's; the first cell is the base line. Twelve cells have each twice."""


@dataclass(frozen=True)
class Pool:
    """Logarithms of the throughput of launches in their order."""

    level: Array
    noise: Array


def pool(name: str) -> Pool:
    """The launches of docs/results/calibration-NAME.json: the mean epoch of each."""
    launches = json.loads((RESULTS / f"calibration-{name}.json").read_text())["launches"]
    log = -np.log([np.mean(launch["series"]) for launch in launches])
    padded = np.pad(log, AROUND, mode="reflect")
    level = np.convolve(padded, np.full(2 * AROUND + 1, 1 / (2 * AROUND + 1)), "valid")
    noise = log - level
    return Pool(level, noise - noise.mean())


def noises(name: str, cells: int) -> Array:
    """The noise of every cell, 6 or 12 of them."""
    return np.repeat(np.array(NOISES[name], dtype=float), cells // 6)


def deal(launches: Pool, cells: int, blocks: int, draws: int, noise: Array, seed: int = 0) -> Array:
    """Plans of consecutive launches from random places of the pool, shuffled in every block; shape (draws, blocks, cells)."""
    chance = np.random.default_rng(seed)
    starts = chance.integers(len(launches.level) - cells * blocks + 1, size=draws)
    places = (starts[:, None] + np.arange(cells * blocks)).reshape(draws, blocks, cells)
    places = chance.permuted(places, axis=2)
    return np.asarray(launches.level[places] + noise * launches.noise[places])


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown with an empty line after it."""
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in rows)]
    return "\n".join(lines) + "\n"


def percent(share: float) -> str:
    """A share in per cent without the sign."""
    return f"{100 * share:.1f}"
