"""Compares a tree with itself, unchanged and slowed on purpose; the error rates of verdicts are computed from these launches."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from manyhands.analysis.verdicts.error_rates import ErrorRates, Scenario
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.other_tests import TESTS
from manyhands.analysis.verdicts.other_tools import RULES, replay_rule
from manyhands.analysis.verdicts.replay import TIMES, replay
from manyhands.analysis.verdicts.results import Limits
from manyhands.analysis.verdicts.steady import Steady, find_steady
from manyhands.atomic_write import write_file
from manyhands.commits.comparison import bench, run_bench, sized
from manyhands.commits.launches import disturbance, sides
from manyhands.commits.revisions import CannotMeasure, Revision
from manyhands.errors import RecordError
from manyhands.plan import RunSpec
from manyhands.schemas.check import checker
from manyhands.schemas.json_text import read_json
from manyhands.schemas.types import WrongValues, made

REPLAYED = ("time", "cpu")
"""Metrics whose comparisons are drawn from the launches; memory and quality hardly scatter."""


@dataclass(frozen=True)
class Trial:
    """One live comparison of the tree with itself, one side slowed by `injected`."""

    injected: float
    spent_s: float
    verdicts: Mapping[str, str]
    """Metric -> verdict; empty when it could not be measured."""
    ratios: Mapping[str, float]
    pairs: Mapping[str, int]
    failure: str | None = None


@dataclass
class Pool:
    """All launches and live comparisons so far."""

    machine: Mapping[str, Any]
    code: str
    cell: str
    launches: list[Sample] = field(default_factory=list)
    """Launches of the unchanged tree, in the order of time."""
    trials: list[Trial] = field(default_factory=list)

    def write(self, path: Path, rates: ErrorRates | None = None) -> None:
        """Writes the file whole, with the rates that were computed from the launches; raises RecordError when it cannot be written."""
        content = json.dumps(asdict(self) | {"rates": asdict(rates) if rates else None}) + "\n"
        try:
            write_file(path, [content.encode()])
        except OSError as error:
            raise RecordError(f"cannot write {path}: {error.strerror}; choose another file with --out") from None

    @classmethod
    def read(cls, path: Path) -> Pool:
        """The pool of a file that `calibrate --out` wrote; raises RecordError for another file."""
        try:
            content = read_json(path.read_text(encoding="utf-8"))
            if fault := checker(FORM)(content):
                raise WrongValues(str(fault))
            launches = [
                made(Sample, one | {name: tuple(one.get(name, ())) for name in ("series", "yardstick")})
                for one in content["launches"]
            ]
            trials = [made(Trial, one) for one in content["trials"]]
            _check_alike(launches)
            if not all(set(one.verdicts) <= set(one.pairs) for one in trials):
                raise WrongValues("a comparison has a verdict without its number of pairs")
        except (OSError, ValueError) as error:
            raise RecordError(f"no launches of 'manyhands calibrate --out' in {path}: {error}") from None
        return cls(content["machine"], content["code"], content["cell"], launches, trials)


SECONDS: Mapping[str, Any] = {"type": "number", "minimum": 0, "maximum": 1e12}
LEAST = 1e-9
"""No clock of a computer knows shorter times; ratios of times are so kept within what a number can hold."""
SERIES: Mapping[str, Any] = {"type": "array", "items": {**SECONDS, "minimum": LEAST}}
LAUNCH: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "values": {"type": "object", "additionalProperties": {**SECONDS, "maximum": 1e24}},
        "series": SERIES,
        "yardstick": SERIES,
        "wall_s": SECONDS,
    },
}
FORM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "machine": {"type": "object"},
        "code": {"type": "string"},
        "cell": {"type": "string"},
        "launches": {"type": "array", "items": LAUNCH, "minItems": 1},
        "trials": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["machine", "code", "cell", "launches", "trials"],
}
"""The file of a pool; the classes check the rest."""


def _check_alike(launches: Sequence[Sample]) -> None:
    """Raises WrongValues when the launches do not have equally many epochs and the values that are drawn."""
    epochs = len(launches[0].series)
    for number, one in enumerate(launches, start=1):
        if len(one.series) != epochs:
            raise WrongValues(f"launch {number} has {len(one.series)} epochs, the first has {epochs}")
        if one.yardstick and len(one.yardstick) != epochs + 1:
            raise WrongValues(
                f"launch {number} has {len(one.yardstick)} times of the yardstick, its {epochs} epochs need {epochs + 1}"
            )
        if any(0 < one.values.get(metric, LEAST) < LEAST for metric in REPLAYED):
            raise WrongValues(f"launch {number} has a time below {LEAST} s")
        if missing := [metric for metric in REPLAYED if metric not in one.values and not (metric == "time" and epochs)]:
            raise WrongValues(f"launch {number} has no {missing[0]}")


@dataclass(frozen=True)
class Amount:
    """Number of launches and live comparisons."""

    launches: int
    live: int
    """Live comparisons for each slow-down, and as many of the unchanged tree."""
    injected: Sequence[float]


def gather(
    pool: Pool,
    tree: Revision,
    spec: RunSpec,
    amount: Amount,
    limits: Limits,
    say: Callable[[str], None],
    keep: Callable[[Pool], None],
) -> None:
    """Fills the pool: plain launches first, then rounds of live comparisons, one for each slow-down in every round.

    Launches of unchanged comparisons join the others. `keep` is called after each comparison. Raises CannotMeasure when other
    programs are too busy.
    """
    with ExitStack() as stack:
        running = sides(stack, (tree, tree))
        spec = sized(spec, running, say)
        plain = bench(spec, running)
        for number in range(amount.launches):
            pool.launches.append(plain.launch(number % 2)[spec.label])
            if (number + 1) % 10 == 0:
                say(f"{spec.label}: {number + 1} of {amount.launches} launches")
                keep(pool)
        if trouble := disturbance(pool.launches, plain.cores, limits.max_load):
            raise CannotMeasure(trouble)
    for number in range(amount.live):
        for injected in (0.0, *amount.injected):
            trial = _trial(pool, replace(tree, planted=injected), tree, spec, limits)
            pool.trials.append(trial)
            keep(pool)
            outcome = ", ".join(f"{metric} {verdict}" for metric, verdict in trial.verdicts.items()) or trial.failure
            say(f"live {number + 1} of {amount.live}, +{100 * injected:g} %: {outcome} in {trial.spent_s:.0f} s")


def _trial(pool: Pool, slowed: Revision, tree: Revision, spec: RunSpec, limits: Limits) -> Trial:
    with ExitStack() as stack:
        (result,) = run_bench(bench(spec, sides(stack, (tree, slowed))), limits, lambda line: None)
    if not slowed.planted and not result.failure:
        pool.launches += [launch for pair in result.pairs for launch in pair]
    judged = {one.metric: one.judgement for one in result.judged}
    return Trial(
        slowed.planted,
        result.spent_s,
        {metric: one.verdict for metric, one in judged.items()},
        {metric: one.ratio for metric, one in judged.items()},
        {metric: one.pairs for metric, one in judged.items()},
        result.failure,
    )


def scenarios(
    pool: Pool, injected: Sequence[float], draws: int, limits: Limits, seed: int, tests: Sequence[str] = tuple(TESTS)[:1]
) -> tuple[Scenario, ...]:
    """Results of comparisons: first the live ones, then those drawn from the launches, for the metric time with each of `tests`.

    With more tests than that of the verdicts, drawn comparisons are also judged by the rules of other tools.
    """
    series = [launch.series for launch in pool.launches]
    steady = find_steady(series) if series[0] else Steady(0, True)
    drawn = [
        replay(pool.launches, metric, steady, share, limits.budget, limits.max_time_s, draws, seed, test)
        for metric in REPLAYED
        for test in (tests if metric == REPLAYED[0] else tests[:1])
        for share in (0.0, *injected)
    ]
    if len(tests) > 1 and series[0]:
        drawn += [replay_rule(pool.launches, rule, share, draws, seed) for rule in RULES for share in (0.0, *injected)]
    return (*_live(pool.trials), *drawn)


def _live(trials: Sequence[Trial]) -> list[Scenario]:
    """Results of the live comparisons, metric by metric; those that could not be measured are left out."""
    found = []
    for injected in dict.fromkeys(trial.injected for trial in trials):
        for metric in dict.fromkeys(metric for trial in trials for metric in trial.verdicts):
            own = [trial for trial in trials if trial.injected == injected and metric in trial.verdicts]
            if own:
                verdicts: Counter[Any] = Counter(trial.verdicts[metric] for trial in own)
                within = {str(t): sum(one.verdicts[metric] == "worse" and one.spent_s <= t for one in own) for t in TIMES}
                spent, pairs = median(trial.spent_s for trial in own), median(trial.pairs[metric] for trial in own)
                found.append(Scenario(metric, injected, True, dict(verdicts), spent, pairs, within))
    return found
