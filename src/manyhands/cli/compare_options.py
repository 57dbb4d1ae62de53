"""The options that `compare` and `calibrate` share: which cells, and how sure a verdict must be."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from manyhands.analysis.verdicts.metrics import METRICS
from manyhands.cli.data_options import add_data_options
from manyhands.planning.option_values import counts, duration, names, setting, share
from manyhands.record import BASE_LINE

if TYPE_CHECKING:
    from manyhands.analysis.verdicts.results import Limits
    from manyhands.plan import RunSpec

WORKLOADS = "lstm,cnn"


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose cells. The other options of `manyhands run` keep their defaults."""
    cells = parser.add_argument_group("cells")
    cells.add_argument(
        "--workload",
        type=names,
        default=WORKLOADS,
        metavar="NAME,...",
        help="workloads, see 'manyhands list' (default: %(default)s)",
    )
    cells.add_argument("--backend", type=names, default=BASE_LINE, metavar="NAME,...", help="backends (default: %(default)s)")
    cells.add_argument("--workers", type=counts, default="1", metavar="N,...", help="worker counts (default: %(default)s)")
    cells.add_argument("--threads", type=int, metavar="N", default=1, help="threads per worker (default: %(default)s)")
    cells.add_argument(
        "--samples", type=int, metavar="N", help="number of training rows (default: as many as train in about a second)"
    )
    cells.add_argument(
        "--epochs",
        type=int,
        metavar="N",
        help="passes over the training rows (default: 8 for networks, to see from which epoch on a launch is steady)",
    )
    cells.add_argument("--batch-size", type=int, metavar="N", help="rows per step (default: the workload's)")
    cells.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help="a setting of the workload")
    add_data_options(cells)
    parser.set_defaults(
        batch="global", scaling="fixed", seed=0, device="cpu", score_epochs=False, address=None, nodes=1, node_rank=0, step=None
    )
    parser.set_defaults(oversubscribe=False, memory_limit=None, shard_data=False, save=None, prepare="plain", reuse_engine=False)
    parser.set_defaults(timeout=600.0)


def add_verdict_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for how sure a verdict must be and how long it may take."""
    verdicts = parser.add_argument_group("verdicts")
    verdicts.add_argument(
        "--alpha",
        type=share,
        default=0.01,
        metavar="SHARE",
        help="accepted error rate: share of the verdicts 'slower' and 'faster' that may be wrong because nothing changed, over all"
        " verdicts together (default: %(default)s)",
    )
    verdicts.add_argument(
        "--effect",
        type=share,
        default=0.05,
        metavar="SHARE",
        help="the smallest difference that matters, such as 5%% (default: 5%%)",
    )
    verdicts.add_argument(
        "--max-time",
        type=duration,
        default=300.0,
        metavar="TIME",
        help="longest time for one cell, such as 90s or 5m (default: 5m)",
    )
    verdicts.add_argument(
        "--max-load",
        type=share,
        metavar="SHARE",
        help="share of the cores that other programs may use (default: 25%%, and at most what the cell leaves free)",
    )
    verdicts.add_argument(
        "--metrics",
        type=metrics,
        default=METRICS,
        metavar="NAME,...",
        help=f"metrics to judge (default: {','.join(METRICS)}); fewer metrics are decided sooner",
    )


def metrics(text: str) -> tuple[str, ...]:
    """`time,memory` -> the names."""
    found = tuple(names(text))
    if not found or not set(found) <= set(METRICS):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of {', '.join(METRICS)}")
    return found


def chosen(options: argparse.Namespace) -> list[RunSpec]:
    """The cells; raises UsageError for impossible options."""
    from dataclasses import replace

    from manyhands.commits.comparison import EPOCHS
    from manyhands.commits.revisions import in_repository
    from manyhands.errors import UsageError
    from manyhands.machine import usable_cores
    from manyhands.plan import check_cores
    from manyhands.planning.cells import cell, check_settings
    from manyhands.plugins import workload_class
    from manyhands.user_files import absolute

    workloads = [absolute(name) for name in options.workload]
    check_settings(dict(options.set), [workload_class(name) for name in workloads])
    cells = [
        cell(options, name, backend, count)
        for name in workloads
        for backend in map(absolute, options.backend)
        for count in options.workers
        if not (backend == BASE_LINE and count > 1)
    ]
    if not cells:
        raise UsageError(f"{BASE_LINE} is one worker by definition: use --workers 1, or another --backend")
    if options.epochs is None:
        cells = [replace(one, epochs=EPOCHS) if workload_class(one.workload).kind == "network" else one for one in cells]
    check_cores(cells, usable_cores())
    return [replace(one, workload=in_repository(one.workload), backend=in_repository(one.backend)) for one in cells]


def limits(options: argparse.Namespace, verdicts: int) -> Limits:
    """The limits of a comparison with so many verdicts: error rate, smallest effect, time, load and metrics."""
    from manyhands.analysis.verdicts.results import Limits
    from manyhands.analysis.verdicts.sequential import Budget

    return Limits(Budget(options.alpha, options.effect, verdicts), options.max_time, options.max_load, options.metrics)


def announce(line: str) -> None:
    """Prints a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)
