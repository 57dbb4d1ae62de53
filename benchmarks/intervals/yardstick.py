"""Does the yardstick inside each launch make the intervals of speed-ups narrower? On docs/results/scatter/launches.jsonl.

Six cells with a yardstick, two of them with two workers, in every block of two hours. Two ways:

- divided out: log of seconds over yardstick. It needs that the yardstick is as fast in every cell, but two workers slow each other's.
- as a covariate centred within its cell: cell + block + slope x (yardstick - the cell's mean yardstick). The slope removes noise from the
  residuals; a cell's mean keeps what its few yardsticks moved it by, so their error belongs to the interval.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from benchmarks.intervals.coverage import reaches
from benchmarks.intervals.pools import RESULTS, Array, percent, table

from manyhands.analysis.model.levels import Levels, levels
from manyhands.analysis.model.observations import Observations
from manyhands.analysis.yardstick import lower_half

CELLS = ("cnn serial x 1", "cnn ddp x 2", "mlp serial x 1", "rnn serial x 1", "lstm serial x 1", "lstm dask x 2")
LAYOUTS = ("system", "huge-pages", "fixed-addresses", "steady")
HOURS = ("first", "second")
YARDSTICK = "network"
BLOCKS = (2, 3, 5)


def print_yardstick(draws: int = 500) -> None:
    """Half-widths and coverage with and without the yardstick, and how much two workers slow it."""
    rows = []
    for blocks in BLOCKS:
        drawn = [one for hour in HOURS for layout in LAYOUTS for one in _draws(hour, layout, blocks, draws // 8)]
        for name in ("seconds", "divided out", "covariate, its error left out", "covariate with its error"):
            found = [_answer(name, *one) for one in drawn]
            covers = np.mean([cover for cover, _ in found], axis=0)
            widths = np.median([np.sinh(np.minimum(reach, 50.0)) for _, reach in found])
            rows.append([str(blocks), name, f"{percent(covers.min())}-{percent(covers.max())}", percent(float(widths))])
    print(table(["blocks", "yardstick", "covers", "median half-width, %"], rows))
    slowed = {
        cell: np.median([np.exp(_table(hour, layout)[1][:, place]) for hour in HOURS for layout in LAYOUTS])
        for place, cell in enumerate(CELLS)
    }
    base = slowed[CELLS[0]]
    print(
        table(
            ["cell", "median yardstick, ms", "over the base line's"],
            [[cell, f"{1000 * value:.2f}", f"{value / base:.3f}"] for cell, value in slowed.items()],
        ),
        flush=True,
    )


def _table(hour: str, layout: str) -> tuple[Array, Array]:
    """Logarithms of the seconds of an epoch and of the yardstick, shape (blocks, cells), of the blocks that have all cells."""
    found: dict[int, dict[str, tuple[float, float]]] = {}
    for line in (RESULTS / "scatter" / "launches.jsonl").read_text().splitlines():
        launch = json.loads(line)
        if (launch.get("hour"), launch.get("layout")) == (hour, layout) and launch["cell"] in CELLS:
            found.setdefault(launch["block"], {})[launch["cell"]] = _logs(launch)
    whole = [[own[cell] for cell in CELLS] for _, own in sorted(found.items()) if len(own) == len(CELLS)]
    return np.array(whole)[:, :, 0], np.array(whole)[:, :, 1]


def _logs(launch: Mapping[str, object]) -> tuple[float, float]:
    epochs, beside = np.array(launch["epochs_s"]), np.array(launch["yardstick_s"][YARDSTICK])  # type: ignore[index]
    return float(np.log(epochs.mean())), float(np.log(lower_half(list(beside.mean(axis=0)))))


def _draws(hour: str, layout: str, blocks: int, draws: int) -> list[tuple[Array, Array, Array, Array]]:
    """Random blocks of an hour: seconds and yardstick, with the means over the hour and the correction for a finite hour.

    The truth of a cell is its mean over all blocks of the hour. The drawn blocks are among them, so their mean is nearer to it than to
    the truth of an endless hour; deviations are made larger by 1 / sqrt(1 - drawn / all).
    """
    seconds, beside = _table(hour, layout)
    chance = np.random.default_rng(blocks)
    grown = 1 / np.sqrt(1 - blocks / len(seconds))
    found = []
    for _ in range(draws):
        own = chance.choice(len(seconds), size=blocks, replace=False)
        found.append((seconds[own], beside[own], seconds.mean(0), np.array([grown])))
    return found


def _answer(name: str, seconds: Array, beside: Array, truth: Array, grown: Array) -> tuple[Array, Array]:
    """Which intervals contain the truth in seconds, and half of their width, of all cells but the base line."""
    values = -seconds if name != "divided out" else beside - seconds
    blocks, cells = seconds.shape
    cell, block = np.tile(np.arange(cells), blocks), np.eye(blocks)[np.repeat(np.arange(blocks), cells)]
    found = levels(Observations(values.ravel(), cell, block, cells))
    if name.startswith("covariate"):
        found = _with_covariate(found, seconds, beside, with_error=name.endswith("with its error"))
    error = (found.level[1:] - found.level[0] + truth[1:] - truth[0]) * (grown[0] if name != "divided out" else 1)
    return np.abs(error) <= reaches(found), reaches(found)


def _with_covariate(plain: Levels, seconds: Array, beside: Array, with_error: bool) -> Levels:
    """Noise is what the yardstick does not explain, with one slope for all cells; a degree of freedom goes to the slope."""
    blocks, cells = seconds.shape
    centred = beside - beside.mean(0)
    free = [values - values.mean(0) - (values - values.mean(0)).mean(1, keepdims=True) for values in (seconds, beside)]
    slope = float((free[0] * free[1]).sum() / (free[1] ** 2).sum())
    cell, block = np.tile(np.arange(cells), blocks), np.eye(blocks)[np.repeat(np.arange(blocks), cells)]
    found = levels(Observations(-(seconds - slope * centred).ravel(), cell, block, cells))
    freedom = np.maximum(found.freedom - 1 / cells, 1e-3)
    if not with_error:
        return replace(found, level=plain.level, freedom=freedom)
    moved = beside.var(0, ddof=1) / blocks * slope**2
    return replace(found, level=plain.level, freedom=freedom, variance=found.variance + moved[:, None] + moved[None, :])
