"""Prints the tables of docs/results/scatter.md from what `launch.py` kept.

    python -m benchmarks.scatter.table docs/results/scatter/launches.jsonl

Scatter is the standard deviation of the logarithm of a launch's value, in percent, between launches of one hour; hours are pooled.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.plan import MEMORY_LAYOUTS

Launch = Mapping[str, Any]
SUMMARIES: Mapping[str, Callable[[NDArray[np.float64]], float]] = {
    "mean": lambda values: float(np.mean(values)),
    "median": lambda values: float(np.median(values)),
    "lower half": lambda values: float(np.sort(values)[: max(1, (len(values) + 1) // 2)].mean()),
    "fastest": lambda values: float(np.min(values)),
}


def main(paths: Sequence[str]) -> None:
    launches = [json.loads(line) for path in paths for line in Path(path).read_text().splitlines()]
    failed = [launch for launch in launches if "failed" in launch]
    launches = [launch for launch in launches if "failed" not in launch]
    cells: dict[tuple[str, str], list[Launch]] = defaultdict(list)
    for launch in sorted(launches, key=lambda launch: (launch["cell"], MEMORY_LAYOUTS.index(launch["layout"]))):
        cells[launch["cell"], launch["layout"]].append(launch)
    plain = {key: found for key, found in cells.items() if "," not in key[0]}
    print(
        f"{len(launches)} launches, {len(failed)} failed; hours: {', '.join(sorted({launch['hour'] for launch in launches}))}\n"
    )
    print_scatter(plain)
    print_yardsticks(plain)
    print_summaries(plain)
    print_planted(cells)


def print_scatter(cells: Mapping[tuple[str, str], Sequence[Launch]]) -> None:
    """Every cell under every layout: seconds of an epoch, its scatter, and the scatter of its ratio to each yardstick."""
    print(
        "| cell | memory layout | launches | epoch s | epoch | / network | / matrix | / memory | cost of network |\n|"
        + "---|" * 9
    )
    for (cell, layout), found in cells.items():
        seconds = np.median([value(launch, None, "lower half") for launch in found])
        row = [
            f"{scatter(found, name, 'lower half'):.1f}" if has(found, name) else "-"
            for name in (None, "network", "matrix", "memory")
        ]
        print(f"| {cell} | {layout} | {len(found)} | {seconds:.4f} | {' | '.join(row)} | {costs(found)} |")
    print()


def print_yardsticks(cells: Mapping[tuple[str, str], Sequence[Launch]]) -> None:
    """Scatter in each hour, of the median epoch and over the best yardstick."""
    print("| cell | memory layout | hour | launches | epoch | / network | / matrix | / memory |\n|" + "---|" * 8)
    for (cell, layout), found in cells.items():
        if layout not in ("steady", "system"):
            continue
        for hour in sorted({launch["hour"] for launch in found}):
            own = [launch for launch in found if launch["hour"] == hour]
            if len(own) < 2:
                continue
            row = [
                f"{scatter(own, name, 'lower half'):.1f}" if has(own, name) else "-"
                for name in (None, "network", "matrix", "memory")
            ]
            print(f"| {cell} | {layout} | {hour} | {len(own)} | {' | '.join(row)} |")
    print()


def print_summaries(cells: Mapping[tuple[str, str], Sequence[Launch]]) -> None:
    """How the epochs and the moments of a launch become one number: scatter by summary, over all cells (root mean square)."""
    print("| memory layout | yardstick | " + " | ".join(SUMMARIES) + " |\n|" + "---|" * (2 + len(SUMMARIES)))
    for layout in dict.fromkeys(layout for _, layout in cells):
        for name in (None, "network", "matrix", "memory"):
            row = []
            for summary in SUMMARIES:
                networks = [found for (_, own), found in cells.items() if own == layout and has(found, "network")]
                each = [scatter(found, name, summary) for found in networks]
                row.append(f"{np.sqrt(np.mean(np.square(each))):.1f}" if each else "-")
            print(f"| {layout} | {name or 'none: seconds'} | {' | '.join(row)} |")
    print()


def print_planted(cells: Mapping[tuple[str, str], Sequence[Launch]]) -> None:
    """What was planted, as seconds show it and as each ratio shows it: geometric means over the launches of the planting hours."""
    rows = [key for key in cells if "," in key[0]]
    if not rows:
        return
    print("| planted | memory layout | launches | seconds | / network | / matrix | / memory |\n|" + "---|" * 7)
    for cell, layout in rows:
        hours = {launch["hour"] for launch in cells[cell, layout]}
        base = [launch for launch in cells[cell.split(",")[0], layout] if launch["hour"] in hours]
        shown = [
            f"{100 * (np.exp(np.mean(logs(cells[cell, layout], name, 'lower half')) - np.mean(logs(base, name, 'lower half'))) - 1):+.1f} %"
            for name in (None, "network", "matrix", "memory")
        ]
        print(f"| {cell.split(', ')[1]} | {layout} | {len(cells[cell, layout])} | {' | '.join(shown)} |")


def scatter(launches: Sequence[Launch], yardstick: str | None, summary: str) -> float:
    """Standard deviation of the logarithm between launches of one hour, pooled over the hours, in percent."""
    squares, freedom = 0.0, 0
    for hour in {launch["hour"] for launch in launches}:
        own = np.array(logs([launch for launch in launches if launch["hour"] == hour], yardstick, summary))
        squares += float(np.sum((own - own.mean()) ** 2))
        freedom += len(own) - 1
    return 100 * float(np.sqrt(squares / freedom)) if freedom else float("nan")


def logs(launches: Iterable[Launch], yardstick: str | None, summary: str) -> list[float]:
    return [float(np.log(value(launch, yardstick, summary))) for launch in launches]


def value(launch: Launch, yardstick: str | None, summary: str) -> float:
    """Seconds of a launch's epochs, or their ratio to the yardstick, which is averaged over the workers at each moment."""
    reduced = SUMMARIES[summary]
    seconds = reduced(np.array(launch["epochs_s"]))
    return seconds if yardstick is None else seconds / reduced(np.mean(launch["yardstick_s"][yardstick], axis=0))


def has(launches: Sequence[Launch], yardstick: str | None) -> bool:
    return yardstick is None or all(yardstick in launch["yardstick_s"] for launch in launches)


def costs(launches: Sequence[Launch]) -> str:
    """Seconds of the yardstick `network` as a share of those of the epochs, median over launches."""
    if not has(launches, "network"):
        return "-"
    shares = [np.mean(launch["yardstick_s"]["network"], axis=0).sum() / sum(launch["epochs_s"]) for launch in launches]
    return f"{100 * float(np.median(shares)):.1f} %"


if __name__ == "__main__":
    main(sys.argv[1:])
