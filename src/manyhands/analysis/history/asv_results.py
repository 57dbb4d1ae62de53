"""Results of asv -> one series for each benchmark, in the order of the commits."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from manyhands.analysis.history.series import CommitSeries, CommitValue, Order
from manyhands.analysis.targets import is_error
from manyhands.errors import RecordError, Unavailable

Place = tuple[str, ...]
Key = tuple[str, Place]
"""A benchmark with its parameters, and where it was measured."""
SCATTER = ".track_train_scatter"
"""The end of the name of the benchmark of `manyhands.asv` that has the scatter of the launches, in percent."""
SCATTERED = (".track_train_ratio", ".track_train_s")
"""The ends of the names of the benchmarks whose scatter it may be: of the first that the class has."""
HARDWARE = ("cpu", "num_cpu", "arch")
"""Fields of asv's description of a machine that keep results apart, also under one name."""


def from_asv(folder: Path, order: Order) -> list[CommitSeries]:
    """A series for every benchmark, parameter combination, machine and environment in an asv results folder.

    Raises RecordError when there are none, or of a machine that is not described; Unavailable without asv.
    """
    try:
        from asv.results import iter_results
    except ImportError:
        raise Unavailable("reading asv's results needs asv: pip install 'manyhands[history]'") from None
    if not (folder / "benchmarks.json").is_file():
        raise RecordError(f"no asv results in {folder}; make some with 'asv run'")
    for file in folder.glob("*/*-*.json"):
        if not (file.parent / "machine.json").is_file():
            raise RecordError(
                f"{file.parent} has results and no machine.json, so their machine is not known; copy that file there,"
                " or move the folder away"
            )
    described = json.loads((folder / "benchmarks.json").read_text())
    found: dict[Key, list[CommitValue]] = {}
    old: dict[Key, int] = {}
    for results in iter_results(str(folder)):
        where = _place(results)
        for key in results.get_all_result_keys():
            if key.endswith(SCATTER):
                continue
            launches = int(_about(described, key).get("launches", 1))
            scatter = _scatter(results, key)
            for name, value in _values(results, key).items():
                if _is_of_another_version(results, key, described):
                    old[name, where] = old.get((name, where), 0) + 1
                else:
                    point = CommitValue(results.commit_hash, value, launches, scatter.get(name))
                    found.setdefault((name, where), []).append(point)
    names = _names([*found, *(key for key in old if key not in found)])
    return [
        CommitSeries(
            names[name, where],
            unit := str(_about(described, name.partition("(")[0]).get("unit", "")),
            order.sort(found.get((name, where), [])),
            _more_is_better(name, unit),
            old.get((name, where), 0),
        )
        for name, where in sorted(names)
    ]


def _place(results: Any) -> Place:
    """The machine and the environment of results of asv; results of two places are never one series."""
    known = [str(results.params.get(name)) for name in HARDWARE]
    return (str(results.params.get("machine", "unknown machine")), str(results.env_name), *known)


def _names(keys: Sequence[Key]) -> dict[Key, str]:
    """(benchmark, place) -> the name of the series: with what distinguishes its place from the others, if there are several."""
    places = {place for _, place in keys}
    told = [part for part in range(2 + len(HARDWARE)) if part < 2 or len({place[part] for place in places}) > 1]
    return {
        (name, place): name if len(places) == 1 else f"{name} on {', '.join(place[part] for part in told)}"
        for name, place in keys
    }


def _values(results: Any, key: str) -> dict[str, float]:
    """The benchmark with its parameters -> its finite value."""
    params = results.get_result_params(key)
    choices = product(*params)
    return {
        f"{key}({', '.join(str(part).strip(chr(39)) for part in chosen)})" if chosen else key: float(value)
        for chosen, value in zip(choices, results.get_result_value(key, params), strict=False)
        if isinstance(value, int | float) and math.isfinite(value)
    }


def _scatter(results: Any, key: str) -> dict[str, float]:
    """The benchmark with its parameters -> the scatter of its launches, as a share; empty when it is not known."""
    title, dot, number = key.rpartition(".")
    first = next((end for end in SCATTERED if title + end in results.get_all_result_keys()), None)
    if dot + number != first or title + SCATTER not in results.get_all_result_keys():
        return {}
    return {name.replace(title + SCATTER, key, 1): value / 100 for name, value in _values(results, title + SCATTER).items()}


def _is_of_another_version(results: Any, key: str, described: Mapping[str, Any]) -> bool:
    """True when asv would not show these results, because the benchmark now measures in another way."""
    made_by, now = results.benchmark_version.get(key), _about(described, key).get("version")
    return made_by is not None and now is not None and made_by != now


def _about(described: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The description that asv keeps of a benchmark; empty when it has been removed from the suite."""
    known = described.get(key)
    return known if isinstance(known, dict) else {}


def _more_is_better(name: str, unit: str) -> bool:
    """True for the speed-up of a suite made with `manyhands.asv`, and for its quality unless the metric, its unit, is an error."""
    benchmark = name.partition("(")[0].rpartition(".")[2]
    return benchmark == "track_speedup" or (benchmark == "track_quality" and bool(unit) and not is_error(unit))
