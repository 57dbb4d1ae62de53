"""`manyhands calibrate`: an unchanged commit against itself, plain and slowed on purpose -> error rates that verdicts quote."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.cli.arguments import share
from manyhands.cli.comparing import add_budget_options, add_cell_options, announce, chosen, limits
from manyhands.errors import RecordError, UsageError

if TYPE_CHECKING:
    from manyhands.analysis.verdicts.error_rates import Scenario
    from manyhands.analysis.verdicts.metrics import Sample
    from manyhands.analysis.verdicts.results import CellResult, Limits
    from manyhands.plan import RunSpec

INJECTED = "2%,3%,5%,10%"
REPLAYED = ("time", "cpu")


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "calibrate",
        help="measure how often 'compare' is wrong on this machine, and how small a slow-down it finds",
        description="Launches the working tree as both sides of a comparison, then draws thousands of comparisons from these launches,"
        " unchanged and slowed by known shares: how often is unchanged called slower, and slower found? The rates are kept, and"
        " 'manyhands compare' quotes them with every verdict.",
    )
    add_cell_options(parser)
    add_budget_options(parser)
    parser.set_defaults(workload=["rnn"])
    what = parser.add_argument_group("calibration")
    what.add_argument("--launches", type=int, default=120, help="launches to draw from (default: %(default)s)")
    what.add_argument("--draws", type=int, default=2000, help="comparisons drawn for each slow-down (default: %(default)s)")
    what.add_argument(
        "--live", type=int, default=0, metavar="N", help="also N real comparisons for each slow-down (default: none)"
    )
    what.add_argument(
        "--injected",
        type=shares,
        default=INJECTED,
        metavar="SHARE,...",
        help=f"slow-downs (default: {INJECTED.replace('%', '%%')})",
    )
    what.add_argument("--replay", type=Path, metavar="FILE", help="draw from the launches in FILE, launch nothing")
    what.add_argument("--out", type=Path, metavar="FILE", help="write launches and rates as JSON to FILE")
    what.add_argument("--seed-of-draws", type=int, default=0, help="(default: %(default)s)")
    parser.set_defaults(call=call)


def shares(text: str) -> list[float]:
    """`2%,5%` -> [0.02, 0.05]."""
    return [share(part.strip()) for part in text.split(",")]


def call(options: argparse.Namespace) -> int:
    """Measures or replays, prints, keeps the rates; 0 when that worked, 4 when nothing could be measured."""
    from manyhands.analysis.verdicts.error_rates import ErrorRates, save
    from manyhands.analysis.verdicts.metrics import METRICS
    from manyhands.compare.kept_rates import rates_file
    from manyhands.compare.revisions import CannotMeasure
    from manyhands.machine import describe_machine
    from manyhands.report.calibration import to_lines

    if min(options.launches, options.draws) < 1 or options.live < 0:
        raise UsageError("--launches and --draws are whole numbers above 0, --live is 0 or above")
    bounds = limits(options, len(METRICS))
    try:
        if options.replay:
            stored = read_launches(options.replay)
            label, code, launches, live = stored["cell"], stored["code"], stored["launches"], stored["live"]
        else:
            cells = chosen(options)
            if len(cells) != 1:
                raise UsageError(
                    f"one cell is calibrated at a time, not {len(cells)}: name one workload, backend and worker count"
                )
            label, code, launches, live = measured(cells[0], options, bounds)
    except CannotMeasure as problem:
        print(f"manyhands: could not measure: {problem}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        print("\ninterrupted; no rates are kept", file=sys.stderr)
        return 130
    machine = describe_machine() if not options.replay else stored["machine"]
    announce(f"drawing {options.draws} comparisons for each slow-down from {len(launches)} launches")
    scenarios = [*live, *replayed(launches, options, bounds)]
    rates = ErrorRates(
        machine,
        datetime.now(UTC).isoformat(timespec="seconds"),
        code,
        label,
        len(launches),
        bounds.budget,
        bounds.max_time_s,
        tuple(scenarios),
    )
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        content = asdict(rates) | {"pool": [asdict(launch) for launch in launches]}
        options.out.write_text(json.dumps(content) + "\n")
    print("\n".join(to_lines(rates)))
    if not options.replay:
        save(rates, rates_file(machine))
        announce(f"kept: {rates_file(machine)}")
    return 0


def measured(spec: RunSpec, options: argparse.Namespace, bounds: Limits) -> tuple[str, str, list[Sample], list[Scenario]]:
    """Launches the working tree on both sides: the pool, then live comparisons; label, commit, pool and scenarios."""
    from contextlib import ExitStack

    from manyhands.cli.measuring import stoppable
    from manyhands.compare.comparison import bench, run_bench, sized
    from manyhands.compare.launches import disturbance, sides
    from manyhands.compare.revisions import CannotMeasure, checked_out

    with stoppable(), checked_out("HEAD", None, announce) as (_, tree), ExitStack() as stack:
        plain = (tree, tree)
        running = sides(stack, plain)
        cell = sized(spec, running, announce)
        ready = bench(cell, running)
        launches = []
        for number in range(options.launches):
            launches.append(ready.launch(number % 2)[cell.label])
            if (number + 1) % 10 == 0:
                announce(f"{cell.label}: {number + 1} of {options.launches} launches")
        if trouble := disturbance(launches, ready.cores):
            raise CannotMeasure(trouble)
        live: list[Scenario] = []
        for injected in (0.0, *options.injected) if options.live else ():
            results: list[CellResult] = []
            for number in range(options.live):
                with ExitStack() as own:
                    slowed = bench(cell, sides(own, (tree, replace(tree, planted=injected))))
                    results += run_bench(slowed, bounds, lambda line: None)
                verdicts = ", ".join(f"{one.metric} {one.judgement.verdict}" for one in results[-1].judged) or results[-1].failure
                announce(f"live {number + 1} of {options.live}, +{100 * injected:g} %: {verdicts} in {results[-1].spent_s:.0f} s")
            live += live_scenarios(results, injected)
        return cell.label, tree.label, launches, live


def live_scenarios(results: Sequence[CellResult], injected: float) -> list[Scenario]:
    """What came of real comparisons, metric by metric; those that could not be measured are left out."""
    from collections import Counter
    from statistics import median

    from manyhands.analysis.verdicts.error_rates import Scenario
    from manyhands.analysis.verdicts.replay import TIMES

    found = []
    for metric in dict.fromkeys(one.metric for result in results for one in result.judged):
        judged = [(result, one.judgement) for result in results for one in result.judged if one.metric == metric]
        verdicts = Counter(judgement.verdict for _, judgement in judged)
        within = {str(limit): sum(j.verdict == "worse" and r.spent_s <= limit for r, j in judged) for limit in TIMES}
        spent, pairs = median(r.spent_s for r, _ in judged), median(j.pairs for _, j in judged)
        found.append(Scenario(metric, injected, True, dict(verdicts), spent, pairs, within))
    return found


def replayed(launches: Sequence[Sample], options: argparse.Namespace, bounds: Limits) -> list[Scenario]:
    """Comparisons drawn from the pool."""
    from manyhands.analysis.verdicts.replay import replay
    from manyhands.analysis.verdicts.steady import Steady, find_steady

    series = [launch.series for launch in launches]
    steady = find_steady(series) if series[0] else Steady(0, True)
    return [
        replay(launches, metric, steady, injected, bounds.budget, bounds.max_time_s, options.draws, options.seed_of_draws)
        for metric in REPLAYED
        for injected in (0.0, *options.injected)
    ]


def read_launches(path: Path) -> dict[str, Any]:
    """The launches of a file that `calibrate --out` wrote; raises RecordError when it is none."""
    from manyhands.analysis.verdicts.error_rates import Scenario
    from manyhands.analysis.verdicts.metrics import Sample

    try:
        content = json.loads(path.read_text())
        pool = [Sample(**one | {"series": tuple(one["series"])}) for one in content["pool"]]
        live = [Scenario(**one) for one in content["scenarios"] if one["live"]]
        return {"cell": content["cell"], "code": content["code"], "machine": content["machine"], "launches": pool, "live": live}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"no launches of 'manyhands calibrate --out' in {path}: {error}") from None
