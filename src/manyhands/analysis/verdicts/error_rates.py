"""Measured error rates of comparisons on this machine, and the smallest slow-down that they find; stored, and quoted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from manyhands.analysis.verdicts.other_tests import TESTS
from manyhands.analysis.verdicts.sequential import Budget, Verdict
from manyhands.atomic_write import write_file
from manyhands.errors import RecordError
from manyhands.schemas.check import checker
from manyhands.schemas.json_text import read_json
from manyhands.schemas.types import WrongValues, made

SCHEMA = 3
"""1 - first format; 2 - time is the fastest epoch, no longer the median; 3 - time is an epoch over the yardstick."""


@dataclass(frozen=True)
class Rate:
    """The number of events among all cases. Bounds with 95 % confidence, by Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404."""

    times: int
    of: int

    @property
    def share(self) -> float:
        """The rate as a share, 0 to 1."""
        return self.times / self.of

    @property
    def bounds(self) -> tuple[float, float]:
        """95 % bounds of the share."""
        from scipy.stats import binomtest

        found = binomtest(self.times, self.of).proportion_ci(method="exact")
        return float(found.low), float(found.high)

    def __str__(self) -> str:
        low, high = self.bounds
        return f"{self.times} of {self.of} ({_percent(self.share)} [{_percent(low)}, {_percent(high)}])"


@dataclass(frozen=True)
class Scenario:
    """Comparisons of a commit with itself, with one side made slower by `injected` (0 means unchanged)."""

    metric: str
    injected: float
    live: bool
    """True when the comparisons launched runs; False when they were drawn from stored launches."""
    verdicts: Mapping[Verdict, int]
    seconds: float
    """Median duration of a comparison."""
    pairs: float
    """Median number of pairs of launches in a comparison."""
    within: Mapping[str, int]
    """Time limit in seconds -> comparisons with the verdict worse within this time."""
    test: str = next(iter(TESTS))
    """The statistical test of the comparisons."""

    def rate(self, verdict: Verdict) -> Rate:
        """The share of the comparisons that gave this verdict."""
        return Rate(self.verdicts.get(verdict, 0), sum(self.verdicts.values()))


@dataclass(frozen=True)
class ErrorRates:
    """The error rates measured on one machine with one budget."""

    machine: Mapping[str, Any]
    measured_at: str
    code: str
    """The commit that was compared with itself."""
    cell: str
    launches: int
    """Launches in the pool from which comparisons are drawn."""
    budget: Budget
    max_time_s: float
    scenarios: tuple[Scenario, ...]
    schema: int = SCHEMA

    def of(self, metric: str, injected: float, live: bool) -> Scenario | None:
        """The scenario for these values that uses the test of the verdicts; None when it was not measured."""
        asked = (metric, injected, live, next(iter(TESTS)))
        return next((one for one in self.scenarios if (one.metric, one.injected, one.live, one.test) == asked), None)

    def quote(self, budget: Budget, max_time_s: float) -> str:
        """The text on error rates for a verdict, with the differences between its budget and the measured one."""
        parts = []
        for live in (False, True):
            unchanged, slower = self.of("time", 0.0, live), self.of("time", budget.effect, live)
            how = "live" if live else f"drawn from {self.launches} launches"
            if unchanged:
                parts.append(f"unchanged called slower {unchanged.rate('worse')} {how}")
            if slower:
                parts.append(f"+{_percent(budget.effect)} called slower {slower.rate('worse')} {how}")
        then, now = self._terms(self.budget, self.max_time_s), self._terms(budget, max_time_s)
        others = [f"{name} {then[name]}" for name in then if then[name] != now[name]]
        other = f" with {', '.join(others)}" if others else ""
        return f"error rates on this machine, {self.cell}, {self.measured_at[:10]}{other}: {'; '.join(parts) or 'none for this effect'}"

    @staticmethod
    def _terms(budget: Budget, max_time_s: float) -> Mapping[str, str]:
        return {
            "alpha": f"{budget.alpha:g}",
            "effect": _percent(budget.effect),
            "verdicts": str(budget.verdicts),
            "time": f"{max_time_s:g} s",
        }


COUNTS: Mapping[str, Any] = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 1e12}}
FORM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "schema": {"type": "integer"},
        "scenarios": {"type": "array", "items": {"type": "object", "properties": {"verdicts": COUNTS, "within": COUNTS}}},
    },
    "required": ["schema"],
}
"""The file of error rates; the classes check the rest."""


def load(path: Path) -> ErrorRates | None:
    """The rates in a file; None without a file, or with rates of an older way to compare; raises RecordError when the file is damaged."""
    try:
        content = read_json(path.read_text(encoding="utf-8"))
        if fault := checker(FORM)(content):
            raise WrongValues(str(fault))
        if content["schema"] in range(1, SCHEMA):
            return None
        if content["schema"] != SCHEMA:
            raise WrongValues(f"schema {content['schema']} is unknown")
        scenarios = tuple(made(Scenario, one) for one in content.get("scenarios", ()))
        if not all(sum(one.verdicts.values()) and all(limit.isdecimal() for limit in one.within) for one in scenarios):
            raise WrongValues("a scenario has no verdicts, or a limit of time that is no number")
        budget = made(Budget, content.get("budget"))
        return made(ErrorRates, {**content, "budget": budget, "scenarios": scenarios})
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RecordError(f"cannot read error rates from {path}: {error}; make them anew with 'manyhands calibrate'") from None


def save(rates: ErrorRates, path: Path) -> None:
    """Writes the complete file, or none; raises RecordError when it cannot be written."""
    try:
        write_file(path, [(json.dumps(asdict(rates), indent=1) + "\n").encode()])
    except OSError as error:
        raise RecordError(f"cannot keep the error rates in {path}: {error.strerror}") from None


def smallest_found(scenarios: Sequence[Scenario], seconds: str, power: float = 0.8) -> float | None:
    """The smallest injected slow-down that was found within that time at least as often as `power`; None without one."""
    found = [
        one.injected
        for one in scenarios
        if one.injected and one.metric == "time" and one.within.get(seconds, 0) >= power * sum(one.verdicts.values())
    ]
    return min(found, default=None)


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
