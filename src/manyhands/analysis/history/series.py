"""Results of many commits -> one series for each benchmark, in the order of the commits."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from statistics import median

from manyhands.analysis.cells import ADDED, NEUTRAL, VOLATILE
from manyhands.analysis.disturbed import quiet
from manyhands.analysis.targets import is_error
from manyhands.analysis.yardstick import corrections
from manyhands.errors import RecordError, Unavailable
from manyhands.record import Record


@dataclass(frozen=True)
class CommitValue:
    """The measured value of one commit."""

    commit: str
    value: float
    """The median over its launches."""
    launches: int = 1


@dataclass(frozen=True)
class CommitSeries:
    """One benchmark over commits, oldest first."""

    name: str
    unit: str
    points: tuple[CommitValue, ...]
    more_is_better: bool = False
    """True for speed-up and for a quality that is no error; otherwise a larger value is worse, as asv takes it."""

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


def from_asv(folder: Path, order: Order) -> list[CommitSeries]:
    """A series for every benchmark, parameter combination, machine and environment in an asv results folder.

    Raises RecordError when there are none, Unavailable without asv.
    """
    try:
        from asv.results import iter_results
    except ImportError:
        raise Unavailable("reading asv's results needs asv: pip install 'manyhands[history]'") from None
    if not (folder / "benchmarks.json").is_file():
        raise RecordError(f"no asv results in {folder}; make some with 'asv run'")
    described = json.loads((folder / "benchmarks.json").read_text())
    found: dict[tuple[str, str], list[CommitValue]] = {}
    for results in iter_results(str(folder)):
        where = f"{results.params.get('machine', 'unknown machine')}, {results.env_name}"
        for key in results.get_all_result_keys():
            choices = list(product(*results.get_result_params(key)))
            values = results.get_result_value(key, results.get_result_params(key))
            for chosen, value in zip(choices, values, strict=False):
                if isinstance(value, int | float) and math.isfinite(value):
                    name = f"{key}({', '.join(str(part).strip(chr(39)) for part in chosen)})" if chosen else key
                    found.setdefault((name, where), []).append(CommitValue(results.commit_hash, float(value)))
    places = {where for _, where in found}
    series = []
    for (name, where), points in sorted(found.items()):
        unit = _unit(described, name)
        shown = name if len(places) == 1 else f"{name} on {where}"
        series.append(CommitSeries(shown, unit, order.sort(points), _more_is_better(name, unit)))
    return series


def _unit(described: dict[str, object], name: str) -> str:
    known = described.get(name.partition("(")[0])
    return str(known.get("unit", "")) if isinstance(known, dict) else ""


def _more_is_better(name: str, unit: str) -> bool:
    """True for the speed-up of a suite made with `manyhands.asv`, and for its quality unless the metric, its unit, is an error."""
    benchmark = name.partition("(")[0].rpartition(".")[2]
    return benchmark == "track_speedup" or (benchmark == "track_quality" and bool(unit) and not is_error(unit))


def from_records(records: Sequence[Record], order: Order) -> list[CommitSeries]:
    """A series for every cell's train phase, with the times of its launches corrected by their yardsticks where they have one.

    Records with uncommitted changes belong to no commit and are left out, as are launches that other programs disturbed.
    """
    found: dict[str, list[tuple[str, float, Record]]] = {}
    labels: dict[str, str] = {}
    for record in quiet(records):
        train_s, commit = record.phases.get("train_s"), record.code.get("commit")
        if not record.ok or not train_s or not commit or record.code.get("dirty"):
            continue
        spec = {name: value for name, value in {**ADDED, **record.spec}.items() if name not in NEUTRAL}
        machine = {name: value for name, value in record.machine.items() if name not in VOLATILE}
        key = json.dumps([spec, machine, record.data.get("sha256")], sort_keys=True, default=str)
        labels[key] = f"{record.spec['workload']} on {record.spec['backend']} x {record.spec['workers']}: train"
        found.setdefault(key, []).append((str(commit), float(train_s), record))
    twice = [label for label in labels.values() if list(labels.values()).count(label) > 1]
    series = []
    for number, (key, launches) in enumerate(found.items(), start=1):
        factors = corrections(record for _, _, record in launches)
        commits: dict[str, list[float]] = {}
        for commit, train_s, record in launches:
            commits.setdefault(commit, []).append(train_s * factors.get(record.id, 1.0))
        points = order.sort(CommitValue(commit, median(values), len(values)) for commit, values in commits.items())
        series.append(CommitSeries(labels[key] + (f" (conditions {number})" if labels[key] in twice else ""), "s", points))
    return series
