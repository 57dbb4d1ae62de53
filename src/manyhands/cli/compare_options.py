"""What `compare` and `calibrate` share: the options that choose cells and set the error budget."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from manyhands.analysis.verdicts.metrics import METRICS
from manyhands.cli.arguments import counts, duration, names, setting, share
from manyhands.cli.data_options import add_data_options
from manyhands.record import BASE_LINE

if TYPE_CHECKING:
    from manyhands.analysis.verdicts.results import Limits
    from manyhands.plan import RunSpec

WORKLOADS = "lstm,cnn"


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose cells; what `manyhands run` offers beside them stays at its default."""
    cells = parser.add_argument_group("cells")
    cells.add_argument(
        "--workload", type=names, default=WORKLOADS, metavar="NAME,...", help="from 'manyhands list' (default: %(default)s)"
    )
    cells.add_argument("--backend", type=names, default=BASE_LINE, metavar="NAME,...", help="(default: %(default)s)")
    cells.add_argument("--workers", type=counts, default="1", metavar="N,...", help="worker counts (default: %(default)s)")
    cells.add_argument("--threads", type=int, default=1, help="threads per worker (default: %(default)s)")
    cells.add_argument("--samples", type=int, help="training rows (default: what trains for about a second)")
    cells.add_argument("--epochs", type=int, help="passes over them (default: 8, to see where a launch gets steady)")
    cells.add_argument("--batch-size", type=int, help="rows per step (default: the workload's)")
    cells.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help="a setting of the workload")
    add_data_options(cells)
    parser.set_defaults(
        batch="global", scaling="fixed", seed=0, device="cpu", score_epochs=False, address=None, nodes=1, node_rank=0, step=None
    )
    parser.set_defaults(oversubscribe=False, memory_limit=None, shard_data=False, save=None, prepare="plain", reuse_engine=False)
    parser.set_defaults(timeout=600.0)


def add_budget_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say how sure a verdict must be and how long it may take."""
    budget = parser.add_argument_group("error budget")
    budget.add_argument(
        "--alpha",
        type=share,
        default=0.01,
        help="share of what is called slower or faster that may be unchanged, over all verdicts together (default: %(default)s)",
    )
    budget.add_argument(
        "--effect",
        type=share,
        default=0.05,
        metavar="SHARE",
        help="the smallest difference that matters, such as 5%% (default: 5%%)",
    )
    budget.add_argument(
        "--max-time", type=duration, default=300.0, metavar="TIME", help="for one cell, such as 90s or 5m (default: 5m)"
    )
    budget.add_argument(
        "--max-load",
        type=share,
        metavar="SHARE",
        help="of the cores that other programs may use (default: 25%%, and no more than the cell leaves free)",
    )
    budget.add_argument(
        "--metrics",
        type=metrics,
        default=METRICS,
        metavar="NAME,...",
        help=f"what is judged of each cell (default: {','.join(METRICS)}); fewer are sooner decided",
    )


def metrics(text: str) -> tuple[str, ...]:
    """`time,memory` -> the names."""
    found = tuple(names(text))
    if not found or not set(found) <= set(METRICS):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of {', '.join(METRICS)}")
    return found


def chosen(options: argparse.Namespace) -> list[RunSpec]:
    """The cells; raises UsageError for what cannot be meant."""
    from dataclasses import replace

    from manyhands.cli.cells import cell, check_settings
    from manyhands.compare.comparison import EPOCHS
    from manyhands.compare.revisions import in_repository
    from manyhands.errors import UsageError
    from manyhands.machine import usable_cores
    from manyhands.plan import check_cores
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
    """The error budget for so many verdicts, and what is judged."""
    from manyhands.analysis.verdicts.results import Limits
    from manyhands.analysis.verdicts.sequential import Budget

    return Limits(Budget(options.alpha, options.effect, verdicts), options.max_time, options.max_load, options.metrics)


def announce(line: str) -> None:
    """Says how it goes, on standard error."""
    print(line, file=sys.stderr, flush=True)
