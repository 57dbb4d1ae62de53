"""Error rates of the rules of other tools on the same launches: how often they call an unchanged benchmark slower.

pytest-benchmark compares one number of each of two launches: https://pytest-benchmark.readthedocs.io/en/latest/comparing.html
asv compares the medians of all samples of `processes` launches, and a Mann-Whitney test must agree: `asv/_stats.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from manyhands.analysis.verdicts.error_rates import Scenario
from manyhands.analysis.verdicts.metrics import Sample

Times = NDArray[np.float64]
ASV_P = 0.002
"""asv's threshold for its Mann-Whitney test."""


@dataclass(frozen=True)
class Rule:
    """The rule of a tool that decides when HEAD is slower."""

    launches: int
    """Launches of each side."""
    slower: Callable[[Times, Times], bool]
    """Seconds of all epochs of BASE and of HEAD -> True when HEAD is slower."""


def _above(statistic: Callable[[Times], np.floating], factor: float) -> Callable[[Times, Times], bool]:
    return lambda base, head: bool(statistic(head) > factor * statistic(base))


def _asv(factor: float) -> Callable[[Times, Times], bool]:
    def slower(base: Times, head: Times) -> bool:
        from scipy.stats import mannwhitneyu

        return bool(np.median(head) > factor * np.median(base) and mannwhitneyu(base, head).pvalue < ASV_P)

    return slower


RULES: Mapping[str, Rule] = {
    "pytest-benchmark min:5%": Rule(1, _above(np.min, 1.05)),
    "pytest-benchmark mean:5%": Rule(1, _above(np.mean, 1.05)),
    "pytest-benchmark median:30%": Rule(1, _above(np.median, 1.3)),
    "asv, factor 1.05": Rule(2, _asv(1.05)),
    "asv, factor 1.1": Rule(2, _asv(1.1)),
}
"""Name -> rule; an epoch takes the place of a pytest-benchmark round and of an asv sample."""


def replay_rule(launches: Sequence[Sample], name: str, injected: float, count: int, seed: int = 0) -> Scenario:
    """`count` comparisons of consecutive launches of the pool by the rule, with HEAD slower by `injected`."""
    rule = RULES[name]
    series = np.array([launch.series for launch in launches])
    walls = np.array([launch.wall_s for launch in launches])
    chance = np.random.default_rng(seed)
    slower = 0
    spent = []
    for start in chance.integers(len(series), size=count):
        picks = (start + np.arange(2 * rule.launches)) % len(series)
        sides = np.split(picks, 2)
        base, head = sides if chance.integers(2) else sides[::-1]
        slower += rule.slower(series[base].ravel(), series[head].ravel() * (1 + injected))
        spent.append(float(walls[picks].sum()))
    return Scenario("time", injected, False, {"worse": slower, "same": count - slower}, median(spent), rule.launches, {}, name)
