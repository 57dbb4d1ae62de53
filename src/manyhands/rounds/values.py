"""The benchmarks that pytest-benchmark keeps of a cell: rounds that repeat from run to run, so that a threshold tells a slow-down from noise.

A round is a launch. Its seconds are divided by those of the yardstick inside the launches (`analysis/yardstick.py`), which the speed of
the machine changes as much, and shown in seconds of a machine on which the yardstick takes 5 ms. How often a threshold of 10 % is wrong,
with this and with other rounds: docs/results/gate.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.yardstick import identity, lower_half, moments, train_ratio
from manyhands.plan import DEFAULTS, RunSpec
from manyhands.record import Record

LAUNCHES = 7
"""Launches of a cell when no number is given: the fewest with which `min:10%` is right often enough in docs/results/gate.md."""
EPOCHS = 8
"""Epochs of a network when no number is given: half of them are left where other programs disturb the rest."""
YARDSTICK_S = 0.005
"""Seconds of the yardstick on the machine in whose seconds a round is shown: about those of the processors it was made on."""
OF_THE_NAME = ("workload", "backend", "workers", "data_dir", "data", "timeout_s", "repeat", "save", "yardstick")
"""Fields of a spec that do not affect what is measured, or that the name of the test or the rest of the series has."""


@dataclass(frozen=True)
class Benchmark:
    """One benchmark of a cell, as pytest-benchmark keeps it."""

    value: str
    """`epoch` (over the yardstick), `train` (the phase, where there is no yardstick) or `launch`."""
    group: str
    rounds: Sequence[float]
    """Seconds, one for each launch."""
    series: str
    """The work and the yardstick: rounds of two series are not compared."""


def benchmarks_of(spec: RunSpec, records: Sequence[Record]) -> list[Benchmark]:
    """The benchmarks of a cell. `records`: of its launches, one at least.

    With a yardstick in every launch: an epoch and a whole launch, both over it. Without, as for every estimator: the phase train and a
    whole launch, in seconds. Of a script without marks only the launch, because its phase train has all that follows its start.
    """
    name, work = spec.workload.rpartition("/")[2], work_of(spec, records[0])
    walls = [record.wall_s or 0.0 for record in records]
    ratios = [found for record in records if (found := train_ratio(record)) is not None]
    known = {identity(record) for record in records}
    if len(ratios) < len(records) or len(known) > 1:
        launch = Benchmark("launch", f"{name}: one launch", walls, work)
        if any(record.resolved.get("marks") is False for record in records):
            return [launch]
        trains = [record.phases["train_s"] or 0.0 for record in records]
        return [Benchmark("train", f"{name}: train", trains, work), launch]
    series = f"{work}, yardstick {known.pop()}"
    launches = over_yardstick(walls, [moments(record) for record in records])
    return [
        Benchmark("epoch", f"{name}: one epoch, by the yardstick", [YARDSTICK_S * ratio for ratio in ratios], series),
        Benchmark("launch", f"{name}: one launch, by the yardstick", launches, series),
    ]


def over_yardstick(walls: Sequence[float], beside: Sequence[Sequence[float]]) -> list[float]:
    """Whole launches over their yardstick, in seconds. `walls`: seconds of each; `beside`: seconds of the yardstick in each.

    Most of a launch is not training, so its own yardstick tells only half of how fast it was; the other half is the usual one.
    """
    own = [lower_half(seconds) for seconds in beside]
    usual = lower_half(own)
    return [YARDSTICK_S * wall / math.sqrt(one * usual) for wall, one in zip(walls, own, strict=True)]


def work_of(spec: RunSpec, record: Record) -> str:
    """The options and the data that decide how long a launch takes, beside the names of the cell."""
    values = spec.to_dict()
    kept = [
        f"{name} {value}"
        for name, value in values.items()
        if name in ("samples", "epochs") or (name not in OF_THE_NAME and value not in (DEFAULTS[name], {}))
    ]
    data = str(record.data.get("sha256") or "")[:8]
    return ", ".join([*kept, *([f"data {data}"] if data else [])])
