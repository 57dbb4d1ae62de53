"""The yardstick of a launch, by which its time is compared with that of another launch more closely than in seconds.

A launch times a small fixed program before and after every epoch, in each worker (`manyhands.measure.yardstick`). What slows the
process of one launch slows both, so the ratio of epoch to program differs less between launches than the seconds: docs/results/scatter.md.
A ratio compares launches of one cell. It says nothing about two workers against one: they slow each other's program too, and to tell
that from what a launch met would take as many launches as the seconds themselves do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import fmean

from manyhands.record import Record

LIBRARIES = ("torch", "numpy")
"""Libraries that the programs run on: with another version of one the program may be faster, and the ratio would hide what changed."""


def moments(record: Record) -> tuple[float, ...]:
    """Seconds of the yardstick before the first epoch and after each, the mean over the workers; empty when a worker has none."""
    workers = [worker.get("yardstick") for worker in record.per_worker]
    programs = [next(iter(found.values())) for found in workers if found]
    if not programs or len(programs) < len(workers) or len({len(seconds) for seconds in programs}) > 1:
        return ()
    return tuple(fmean(seconds) for seconds in zip(*programs, strict=True))


def identity(record: Record) -> str:
    """The program and version of the yardstick of a launch, with the libraries below it; empty without one."""
    known = record.resolved.get("yardstick")
    return " ".join([str(known), *(f"{name} {record.versions.get(name)}" for name in LIBRARIES)]) if known else ""


def lower_half(seconds: Sequence[float]) -> float:
    """The mean of the faster half: other programs can only make a time longer, and the fastest alone differs more between launches."""
    kept = sorted(seconds)[: (len(seconds) + 1) // 2]
    return fmean(kept)


def relative(epochs: Sequence[float], beside: Sequence[float]) -> float:
    """The time of an epoch in yardsticks. `epochs`: seconds of each; `beside`: seconds of the yardstick at the moments around them."""
    return lower_half(epochs) / lower_half(beside)


def train_ratio(record: Record) -> float | None:
    """The time of an epoch of a launch in yardsticks; None without a yardstick or epochs."""
    ends = [float(epoch["elapsed_s"]) for epoch in record.history if epoch.get("elapsed_s") is not None]
    beside = moments(record)
    return relative([end - begin for begin, end in pairwise([0.0, *ends])], beside) if ends and beside else None


def corrections(launches: Iterable[Record]) -> dict[str, float]:
    """Id of a record -> the factor that takes how fast its process was out of its time. `launches`: of one cell.

    The factor is the usual time of the yardstick over its time in this launch; what is usual is the geometric mean over the launches
    with the same yardstick. Records without one are left out.
    """
    alike: dict[str, dict[str, float]] = {}
    for record in launches:
        if beside := moments(record):
            alike.setdefault(identity(record), {})[record.id] = math.log(lower_half(beside))
    return {name: math.exp(fmean(logs.values()) - log) for logs in alike.values() for name, log in logs.items()}
