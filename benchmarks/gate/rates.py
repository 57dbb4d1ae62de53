"""Prints the rates of docs/results/gate.md: how often `--benchmark-compare-fail=COLUMN:10%` fails, on stored launches.

    python -m benchmarks.gate.rates docs/results/scatter/launches.jsonl docs/results/calibration-by-yardstick.json

A run of the suite is K consecutive launches of every cell, a pair is two such runs without a launch in common, in one hour or in two.
On unchanged code a pair is wrong when one of its cells fails. Found: a cell slowed by 20 % fails.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyhands.analysis.yardstick import lower_half, relative
from manyhands.plan import MEMORY_LAYOUTS
from manyhands.rounds.values import LAUNCHES, YARDSTICK_S, over_yardstick

LIMIT = 1.1
SLOWED = {"in seconds": 1.2, "over the yardstick": 1.19}
"""How much steps made slower by 20 % show: docs/results/scatter.md."""
COUNTS = (1, 3, 5, LAUNCHES, 10)
HEADS = [f"{count} launch{'es' if count > 1 else ''}" for count in COUNTS]
COLUMNS: Mapping[str, Callable[[Sequence[float]], float]] = {
    "min": min,
    "mean": lambda rounds: float(np.mean(rounds)),
    "median": lambda rounds: float(np.median(rounds)),
}


class Launch(NamedTuple):
    """Seconds of every epoch, of the yardstick at the moments around them, and of the whole launch."""

    epochs: Sequence[float]
    beside: Sequence[float]
    wall: float


Run = Sequence[Launch]
ROUNDS: Mapping[str, Callable[[Run], list[float]]] = {
    "every epoch, in seconds": lambda run: [epoch for launch in run for epoch in launch.epochs],
    "an epoch of each launch, in seconds": lambda run: [lower_half(launch.epochs) for launch in run],
    "every epoch, over the yardstick": lambda run: [e / lower_half(one.beside) for one in run for e in one.epochs],
    "an epoch of each launch, over the yardstick": lambda run: [YARDSTICK_S * relative(one.epochs, one.beside) for one in run],
    "whole launches, in seconds": lambda run: [launch.wall for launch in run],
    "whole launches, over the yardstick of each": lambda run: [launch.wall / lower_half(launch.beside) for launch in run],
    "whole launches, over the yardstick and the usual one": lambda run: over_yardstick(
        [one.wall for one in run], [one.beside for one in run]
    ),
}
KEPT = ("an epoch of each launch, over the yardstick", "whole launches, over the yardstick and the usual one")
"""What a cell keeps: `manyhands.rounds.values`."""


class Pool(NamedTuple):
    """The launches of each hour and cell, in the order they were made; blocks of an hour have every cell once."""

    name: str
    hours: Mapping[str, Mapping[str, Run]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scatter", type=Path, help="launches that `benchmarks.scatter.launch` kept")
    parser.add_argument("calibrations", type=Path, nargs="*", help="files of `manyhands calibrate --out`, for cells in a row")
    options = parser.parse_args()
    in_turn = scattered(options.scatter)
    print_table("Six cells in turn", in_turn)
    print_table("One cell in a row", [calibrated(path) for path in options.calibrations])
    print_kept(in_turn)


def scattered(path: Path) -> list[Pool]:
    """The networks of the hours that launched all of them, a pool for each memory layout."""
    found: dict[str, dict[str, dict[str, list[Launch]]]] = {layout: {} for layout in MEMORY_LAYOUTS}
    lines = sorted((json.loads(line) for line in path.read_text().splitlines()), key=lambda one: one.get("started_at", ""))
    for one in lines:
        if "failed" in one or "," in one["cell"] or one["cell"].startswith("kmeans") or one["hour"] not in ("first", "second"):
            continue
        beside = [float(moment) for moment in np.mean(one["yardstick_s"]["network"], axis=0)]
        cells = found[one["layout"]].setdefault(one["hour"], {})
        cells.setdefault(one["cell"], []).append(Launch(one["epochs_s"], beside, one["wall_s"]))
    return [Pool(layout, {hour: dict(sorted(cells.items())) for hour, cells in hours.items()}) for layout, hours in found.items()]


def calibrated(path: Path) -> Pool:
    """The launches of a calibration, one after the other: a replay of several has an hour for each half."""
    kept = json.loads(path.read_text())
    launches = [Launch(one["series"], one["yardstick"], one["wall_s"]) for one in kept["launches"]]
    half = len(launches) // 2
    return Pool(kept["cell"], {"first": {kept["cell"]: launches[:half]}, "second": {kept["cell"]: launches[half:]}})


def pairs(pool: Pool, count: int) -> Iterator[tuple[tuple[str, int], tuple[str, int]]]:
    """(hour, first launch) of two runs without a launch in common."""
    starts = [
        (hour, start)
        for hour, cells in pool.hours.items()
        for start in range(min(len(launches) for launches in cells.values()) - count + 1)
    ]
    for before, after in product(starts, starts):
        if before[0] != after[0] or abs(before[1] - after[1]) >= count:
            yield before, after


def ratios(pools: Sequence[Pool], rounds: str, column: str, count: int) -> NDArray[np.float64]:
    """After over before: a row for each pair, a column for each cell."""
    rows = []
    for pool in pools:
        values = {
            (hour, start): [COLUMNS[column](ROUNDS[rounds](launches[start : start + count])) for launches in cells.values()]
            for hour, cells in pool.hours.items()
            for start in range(min(len(launches) for launches in cells.values()) - count + 1)
        }
        rows += [np.divide(values[after], values[before]) for before, after in pairs(pool, count)]
    return np.array(rows)


def print_table(title: str, pools: Sequence[Pool]) -> None:
    """By rounds, column and number of launches: wrong pairs of 100, and found cells of 100."""
    if not pools:
        return
    print(f"{title} ({', '.join(pool.name for pool in pools)}): fails on unchanged code / + 20 % found, of 100\n")
    print("| rounds | column | " + " | ".join(HEADS) + " |\n" + "|---" * (2 + len(COUNTS)) + "|")
    for rounds, column in product(ROUNDS, COLUMNS):
        slowed = next(share for words, share in SLOWED.items() if words in rounds)
        row = []
        for count in COUNTS:
            found = ratios(pools, rounds, column, count)
            row.append(f"{100 * (found > LIMIT).any(axis=1).mean():.1f} / {100 * (slowed * found > LIMIT).mean():.1f}")
        print(f"| {rounds} | {column} | {' | '.join(row)} |")
    print()


def print_kept(pools: Sequence[Pool]) -> None:
    """The same of what the suite keeps: a pair is wrong when any of its benchmarks fails; a cell is found by its epoch."""
    print("What a cell keeps, both benchmarks together: fails on unchanged code / + 20 % found in the worst cell, of 100\n")
    print("| column | " + " | ".join(HEADS) + " |\n" + "|---" * (1 + len(COUNTS)) + "|")
    per_cell: dict[str, list[str]] = defaultdict(list)
    for column, count in product(COLUMNS, COUNTS):
        epochs, launches = (ratios(pools, rounds, column, count) for rounds in KEPT)
        wrong = (np.hstack([epochs, launches]) > LIMIT).any(axis=1).mean()
        found = (SLOWED["over the yardstick"] * epochs > LIMIT).mean(axis=0).min()
        per_cell[column].append(f"{100 * wrong:.1f} / {100 * found:.1f}")
    for column, row in per_cell.items():
        print(f"| {column} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
