"""Stored launches of unchanged programs -> histories: for each commit its launches, and the yardstick of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Histories = list[tuple[Floats, Floats]]
"""For each history the seconds of the cell and those of the yardstick: (commits, launches, epochs or moments)."""


class Size(NamedTuple):
    """The number of histories, the commits of each, and the launches of a commit."""

    histories: int
    commits: int
    launches: int


Draw = Callable[[Size], Histories]
RESULTS = Path(__file__).parents[2] / "docs" / "results"


def outside() -> dict[str, Draw]:
    """The pools of `manyhands calibrate`. Their launches have no yardstick inside, so every second one is taken for a fixed program."""
    files = {name: RESULTS / f"calibration-{name}.json" for name in ("steady", "restless", "live")}
    return {name: _in_turn(json.loads(file.read_text())["launches"]) for name, file in files.items()}


def _in_turn(launches: Sequence[Mapping[str, Any]]) -> Draw:
    epochs = np.array([launch["series"] for launch in launches])

    def draw(size: Size) -> Histories:
        return [(group[:, 0::2], group[:, 1::2]) for group in consecutive(epochs, size._replace(launches=2 * size.launches))]

    return draw


def inside() -> dict[str, Draw]:
    """The networks of docs/results/scatter.md, whose launches have a yardstick inside."""
    return {name: _with_its_own(found) for name, found in cells().items() if "network" in found[0]["yardstick_s"]}


def _with_its_own(launches: Sequence[Mapping[str, Any]]) -> Draw:
    epochs = level(launches, np.array([launch["epochs_s"] for launch in launches]))
    own = [np.mean(launch["yardstick_s"].get("network") or [launch["epochs_s"]], axis=0) for launch in launches]
    yardstick = level(launches, np.array(own))

    def draw(size: Size) -> Histories:
        return list(zip(consecutive(epochs, size), consecutive(yardstick, size), strict=True))

    return draw


def beside() -> dict[str, tuple[Draw, dict[str, Draw]]]:
    """Cell -> its histories with its own yardstick, and with the launches of another cell of the same block for a yardstick."""
    known = {name: {_block(one): one for one in found} for name, found in cells().items()}
    return {
        name: (
            _with_its_own(found),
            {other: _with(found, known[other]) for other in inside() if other != name and "serial" in other},
        )
        for name, found in cells().items()
    }


def _block(launch: Mapping[str, Any]) -> tuple[str, ...]:
    return (str(launch["hour"]), str(launch["block"]), str(launch["layout"]))


def _with(launches: Sequence[Mapping[str, Any]], others: Mapping[tuple[str, ...], Mapping[str, Any]]) -> Draw:
    both = [(one, others[_block(one)]) for one in launches if _block(one) in others]
    mine, theirs = (level(found, np.array([one["epochs_s"] for one in found])) for found in zip(*both, strict=True))

    def draw(size: Size) -> Histories:
        return list(zip(consecutive(mine, size), consecutive(theirs, size), strict=True))

    return draw


def cells() -> dict[str, list[Mapping[str, Any]]]:
    """Cell -> its launches of docs/results/scatter.md, as they followed each other; without those made slower on purpose."""
    lines = (RESULTS / "scatter" / "launches.jsonl").read_text().splitlines()
    found: dict[str, list[Mapping[str, Any]]] = {}
    for launch in sorted((one for one in map(json.loads, lines) if "failed" not in one), key=lambda one: str(one["started_at"])):
        if "," not in launch["cell"]:
            found.setdefault(launch["cell"], []).append(launch)
    return dict(sorted(found.items()))


def level(launches: Sequence[Mapping[str, Any]], seconds: Floats) -> Floats:
    """Seconds over the geometric mean of their memory layout: every cell was launched under four layouts in turn."""
    layouts = np.array([launch["layout"] for launch in launches])
    levels = {layout: np.exp(np.log(lower_half(seconds[layouts == layout])).mean()) for layout in set(layouts.tolist())}
    return np.asarray(seconds / np.array([levels[layout] for layout in layouts])[:, None])


def lower_half(values: Floats) -> Floats:
    """The mean of the faster half along the last axis."""
    return np.asarray(np.sort(values)[..., : (values.shape[-1] + 1) // 2].mean(axis=-1))


def consecutive(launches: Floats, size: Size) -> Iterator[Floats]:
    """For each history the launches of its commits, as they follow each other: (commits, launches, epochs).

    A later history begins later. At the end of the pool a history goes on at its beginning, and one that is longer than the pool uses
    some launches twice.
    """
    for start in np.linspace(0, len(launches), size.histories, endpoint=False).astype(int):
        used = (start + np.arange(size.commits * size.launches)) % len(launches)
        yield launches[used].reshape(size.commits, size.launches, -1)
