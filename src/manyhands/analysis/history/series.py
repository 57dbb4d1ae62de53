"""Records of many commits -> one series for each cell, in the order of the commits. `asv_results.py` makes series of asv's results."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from manyhands.analysis.cells import ADDED, NEUTRAL, VOLATILE, is_limit
from manyhands.analysis.disturbed import quiet
from manyhands.analysis.spread import spread
from manyhands.analysis.yardstick import corrections, lower_half
from manyhands.record import Record


@dataclass(frozen=True)
class CommitValue:
    """The measured value of one commit."""

    commit: str
    value: float
    """The mean over the faster half of its launches, or the number that asv keeps."""
    launches: int = 1
    scatter: float | None = None
    """The standard deviation of the logarithm of its launches' values; None where it is not known."""


@dataclass(frozen=True)
class CommitSeries:
    """One benchmark over commits, oldest first."""

    name: str
    unit: str
    points: tuple[CommitValue, ...]
    more_is_better: bool = False
    """True for speed-up and for a quality that is no error; otherwise a larger value is worse, as asv takes it."""
    left_out: int = 0
    """Values that another version of the benchmark made, for example with another yardstick: they are not compared with these."""

    @property
    def values(self) -> list[float]:
        """The values of all points, oldest first."""
        return [point.value for point in self.points]


@dataclass(frozen=True)
class Order:
    """The commits of a repository, oldest first, and its releases; both are empty without a repository."""

    commits: tuple[str, ...]
    releases: tuple[tuple[str, str], ...]
    """(tag, commit), oldest first."""

    def sort(self, points: Iterable[CommitValue]) -> tuple[CommitValue, ...]:
        """Points in the order of the commits; points of unknown commits are left out, unless the history is empty."""
        if not self.commits:
            return tuple(points)
        place = {commit: number for number, commit in enumerate(self.commits)}
        return tuple(sorted((point for point in points if point.commit in place), key=lambda point: place[point.commit]))


def from_records(records: Sequence[Record], order: Order) -> list[CommitSeries]:
    """A series for every cell's train phase, with the times of its launches corrected by their yardsticks where they have one.

    Records with uncommitted changes belong to no commit and are left out, as are limits, and launches that other programs disturbed.
    """
    found: dict[str, list[tuple[str, float, Record]]] = {}
    labels: dict[str, str] = {}
    for record in quiet(records):
        train_s, commit = record.phases.get("train_s"), record.code.get("commit")
        if not record.ok or not train_s or not commit or record.code.get("dirty") or is_limit(record):
            continue
        spec = {name: value for name, value in {**ADDED, **record.spec}.items() if name not in NEUTRAL}
        machine = {name: value for name, value in record.machine.items() if name not in VOLATILE}
        key = json.dumps([spec, machine, record.data.get("sha256")], sort_keys=True, default=str)
        labels[key] = f"{record.spec.get('workload')} on {record.spec.get('backend')} x {record.spec.get('workers')}: train"
        found.setdefault(key, []).append((str(commit), float(train_s), record))
    twice = [label for label in labels.values() if list(labels.values()).count(label) > 1]
    series = []
    for number, (key, launches) in enumerate(found.items(), start=1):
        factors = corrections(record for _, _, record in launches)
        commits: dict[str, list[float]] = {}
        for commit, train_s, record in launches:
            commits.setdefault(commit, []).append(train_s * factors.get(record.id, 1.0))
        points = order.sort(_value(commit, values) for commit, values in commits.items())
        series.append(CommitSeries(labels[key] + (f" (conditions {number})" if labels[key] in twice else ""), "s", points))
    return series


def _value(commit: str, seconds: Sequence[float]) -> CommitValue:
    found = spread(map(math.log, seconds))
    return CommitValue(commit, lower_half(seconds), len(seconds), found.sd if found else None)
