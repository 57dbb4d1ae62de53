"""How many pairs does `compare` need for a large difference, and how often is it wrong? Comparisons drawn from the pools."""

from __future__ import annotations

import numpy as np
from benchmarks.intervals.pools import POOLS, RESULTS, percent, table

from manyhands.analysis.verdicts import sequential
from manyhands.analysis.verdicts.replay import draws
from manyhands.analysis.verdicts.sequential import Budget, judge
from manyhands.analysis.verdicts.steady import Steady, find_steady
from manyhands.commits.calibration import Pool

INJECTED = (0.0, 0.05, 0.1, 0.3, 1.0)


def print_early(count: int = 1000) -> None:
    """Verdicts by slow-down, with the looks after 6 and 8 pairs and without."""
    rows = []
    for name in POOLS:
        launches = Pool.read(RESULTS / f"calibration-{name}.json").launches
        steady = find_steady([launch.series for launch in launches])
        for injected in INJECTED:
            with_early, without = (_judged(launches, steady, injected, count, early) for early in (True, False))
            rows.append([name, f"{100 * injected:.0f} %", *with_early, without[0], without[3]])
    head = ["pool", "slowed by", "called slower", "within 6 pairs", "within 8 pairs", "median pairs"]
    print(table([*head, "without early looks: called slower", "median pairs"], rows), flush=True)


def _judged(launches: list, steady: Steady, injected: float, count: int, early: bool) -> list[str]:  # type: ignore[type-arg]
    kept = sequential.EARLY
    sequential.EARLY = kept if early else ()
    try:
        shift = np.log1p(injected)
        drawn = draws(launches, "time", steady, count, seed=3)
        found = [judge([difference + shift for difference, _ in pairs], Budget()) for pairs in drawn]
    finally:
        sequential.EARLY = kept
    slower = [one for one in found if one.verdict == "worse"]
    within = [sum(one.pairs <= pairs for one in slower) / count for pairs in (6, 8)]
    median = float(np.median([one.pairs for one in found]))
    return [percent(len(slower) / count), *map(percent, within), f"{median:.0f}"]
