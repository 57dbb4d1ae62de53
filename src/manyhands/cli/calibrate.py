"""`manyhands calibrate`: compares the working tree with itself, unchanged and slowed on purpose -> error rates of verdicts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.atomic_write import same_file
from manyhands.cli.compare_options import add_cell_options, add_verdict_options, announce, chosen, limits
from manyhands.cli.request_options import typed
from manyhands.errors import UsageError
from manyhands.planning.option_values import share

if TYPE_CHECKING:
    from manyhands.analysis.verdicts.results import Limits
    from manyhands.commits.calibration import Pool

INJECTED = "2%,3%,5%,10%"
WORKLOAD = "rnn"


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "calibrate",
        help="measure how often 'compare' is wrong on this machine, and how small a slow-down it finds",
        description="Launches the working tree as both sides of a comparison, then draws thousands of comparisons from these launches,"
        " unchanged and slowed by known shares. It reports how often an unchanged tree is called slower and how often a slow-down"
        " is found. The error rates are stored, and 'manyhands compare' shows them with every verdict.",
    )
    add_cell_options(parser, WORKLOAD)
    add_verdict_options(parser)
    what = parser.add_argument_group("calibration")
    what.add_argument("--launches", type=int, metavar="N", default=120, help="launches to draw from (default: %(default)s)")
    what.add_argument(
        "--draws", type=int, metavar="N", default=2000, help="comparisons drawn for each slow-down (default: %(default)s)"
    )
    what.add_argument(
        "--live", type=int, default=0, metavar="N", help="also make N real comparisons for each slow-down (default: %(default)s)"
    )
    what.add_argument(
        "--injected",
        type=shares,
        default=INJECTED,
        metavar="SHARE,...",
        help=f"slow-downs to draw; 'none' draws unchanged trees only (default: {INJECTED.replace('%', '%%')})",
    )
    what.add_argument(
        "--other-tests",
        action="store_true",
        help="also judge drawn comparisons by median epochs, Student's t, a bootstrap, and the rules of pytest-benchmark and asv",
    )
    what.add_argument(
        "--replay",
        type=Path,
        action="append",
        metavar="FILE",
        help="draw from the launches in FILE and launch nothing; can be given again for files of the same machine, commit and cell",
    )
    what.add_argument("-o", "--out", type=Path, metavar="FILE", help="write launches and rates as JSON to FILE")
    what.add_argument("--seed-of-draws", type=int, metavar="N", default=0, help="seed of the draws (default: %(default)s)")
    parser.set_defaults(call=call)


def shares(text: str) -> list[float]:
    """`2%,5%` -> [0.02, 0.05]; `none` -> []."""
    return [] if text == "none" else [typed(share)(part.strip()) for part in text.split(",")]


def call(options: argparse.Namespace) -> int:
    """Measures or replays, prints and stores the rates; returns 0, or 4 when nothing could be measured."""
    from manyhands.analysis.verdicts.error_rates import ErrorRates, save
    from manyhands.analysis.verdicts.other_tests import TESTS
    from manyhands.commits.calibration import scenarios
    from manyhands.commits.rates_cache import rates_file
    from manyhands.commits.revisions import CannotMeasure
    from manyhands.report.calibration import to_lines

    if min(options.launches, options.draws) < 1 or options.live < 0:
        raise UsageError("--launches and --draws are whole numbers above 0, --live is 0 or above")
    for file in options.replay or ():
        if options.out and same_file(options.out, file):
            raise UsageError(f"--out {options.out} is the input --replay {file}; choose another file")
    bounds = limits(options, len(options.metrics))
    try:
        pool = joined(options.replay) if options.replay else measured(options, bounds)
    except CannotMeasure as problem:
        print(f"manyhands: could not measure: {problem}", file=sys.stderr)
        return 4
    except KeyboardInterrupt:
        kept = (
            f"; 'manyhands calibrate --replay {options.out}' uses what was launched"
            if options.out and options.out.exists()
            else ""
        )
        print(f"\ninterrupted; no rates are stored{kept}", file=sys.stderr)
        return 130
    announce(f"drawing {options.draws} comparisons for each slow-down from {len(pool.launches)} launches")
    tests = tuple(TESTS) if options.other_tests else tuple(TESTS)[:1]
    found = scenarios(pool, options.injected, options.draws, bounds, options.seed_of_draws, tests)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    rates = ErrorRates(pool.machine, now, pool.code, pool.cell, len(pool.launches), bounds.budget, bounds.max_time_s, found)
    if options.out:
        pool.write(options.out, rates)
    print("\n".join(to_lines(rates)))
    if not options.replay:
        save(rates, rates_file(pool.machine))
        announce(f"stored: {rates_file(pool.machine)}")
    return 0


def joined(files: Sequence[Path]) -> Pool:
    """The launches of all files; raises UsageError when they are not alike, RecordError for a file without launches."""
    from manyhands.commits.calibration import Pool

    first, *others = [Pool.read(file) for file in files]
    for file, other in zip(files[1:], others, strict=True):
        for name in ("cell", "code", "machine"):
            if getattr(other, name) != getattr(first, name):
                raise UsageError(f"--replay {file}: its {name} is not that of {files[0]}; draw from each file separately")
        first.launches += other.launches
        first.trials += other.trials
    return first


def measured(options: argparse.Namespace, bounds: Limits) -> Pool:
    """Launches the working tree on both sides; writes the launches to `--out` as they are made."""
    from manyhands.commits.calibration import Amount, Pool, gather
    from manyhands.commits.revisions import checked_out
    from manyhands.machine import describe_machine
    from manyhands.plugins import workload_class
    from manyhands.stopping import stoppable

    cells = chosen(options, [WORKLOAD])
    if len(cells) != 1:
        raise UsageError(
            f"one cell is calibrated at a time, not {len(cells)} ({', '.join(cell.label for cell in cells)}): name one --workload,"
            " --backend and --workers"
        )
    if options.live and not workload_class(cells[0].workload).in_epochs:
        raise UsageError(f"--live slows training steps, and {cells[0].workload} has no training steps; leave out --live")
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
    amount = Amount(options.launches, options.live, options.injected)
    with stoppable(), checked_out("HEAD", None, announce) as (_, tree):
        pool = Pool(describe_machine(), tree.label, cells[0].label)
        gather(pool, tree, cells[0], amount, bounds, announce, lambda so_far: so_far.write(options.out) if options.out else None)
    return pool
