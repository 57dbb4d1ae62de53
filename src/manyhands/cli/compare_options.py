"""The options that `compare` and `calibrate` share: which cells, and how sure a verdict must be."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from manyhands.analysis.verdicts.metrics import METRICS, chosen_metrics
from manyhands.analysis.verdicts.results import Limits
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.cli.request_options import add_request_option, given_in, request_of, typed
from manyhands.planning.option_values import names, share
from manyhands.record import BASE_LINE
from manyhands.studies.budget import parse_duration

if TYPE_CHECKING:
    from manyhands.plan import RunSpec

HELPS: Mapping[str, str | None] = {
    "backend": f"backends (default: {BASE_LINE})",
    "workers": "worker counts (default: 1)",
    "threads": "threads per worker (default: %(default)s)",
    "samples": "number of training rows (default: as many as train in about a second)",
    "epochs": "passes over the training rows (default: 8 for networks, to see from which epoch on a launch is steady)",
    "batch_size": "rows per step (default: the workload's)",
    "set": "a setting of the workload",
    "data": None,
    "s3_library": None,
    "memory_layout": None,
    "yardstick": None,
}
"""The options that choose what is compared, with their help where it is another than that of `run`."""


def add_cell_options(parser: argparse.ArgumentParser, workloads: str) -> None:
    """Adds the options that choose cells. The other options are those of the user's pyproject.toml, or keep their defaults.

    `workloads`: the default, as the help shows it.
    """
    cells = parser.add_argument_group("cells")
    cells.add_argument(
        "--workload",
        dest="workloads",
        type=typed(names),
        metavar="NAME,...",
        help="workloads, see 'manyhands list', path/to/train.py or path/to/file.py:Name (default: those of [tool.manyhands] in"
        f" pyproject.toml, else {workloads})",
    )
    for name, text in HELPS.items():
        add_request_option(cells, name, text)


def add_verdict_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options for how sure a verdict must be and how long it may take."""
    verdicts = parser.add_argument_group("verdicts")
    verdicts.add_argument(
        "--alpha",
        type=typed(share),
        default=Budget.alpha,
        metavar="SHARE",
        help="accepted error rate: share of the verdicts 'slower' and 'faster' that may be wrong because nothing changed, over all"
        " verdicts together (default: %(default)s)",
    )
    verdicts.add_argument(
        "--effect",
        type=typed(share),
        default=Budget.effect,
        metavar="SHARE",
        help="the smallest difference that matters, such as 5%% (default: 5%%)",
    )
    verdicts.add_argument(
        "--max-time",
        type=typed(parse_duration),
        default=Limits.max_time_s,
        metavar="TIME",
        help="longest time for one cell, such as 90s or 5m (default: 5m)",
    )
    verdicts.add_argument(
        "--max-load",
        type=typed(share),
        metavar="SHARE",
        help="share of the cores that other programs may use (default: MANYHANDS_MAX_LOAD, else 25%% and at most what the cell"
        " leaves free)",
    )
    verdicts.add_argument(
        "--metrics",
        type=typed(lambda text: chosen_metrics(names(text))),
        default=METRICS,
        metavar="NAME,...",
        help=f"metrics to judge (default: {','.join(METRICS)}); fewer metrics are decided sooner",
    )


def chosen(options: argparse.Namespace, workloads: Sequence[str] = ()) -> list[RunSpec]:
    """The cells; raises UsageError for impossible options. `workloads`: the default of the command."""
    from manyhands.commits.cells import cells_to_compare

    request = request_of(options, max_time=None, max_load=None)
    return cells_to_compare(request, given_in(options), workloads, announce)


def limits(options: argparse.Namespace, verdicts: int) -> Limits:
    """The limits of a comparison with so many verdicts: error rate, smallest effect, time, load and metrics."""
    from manyhands.commits.compare import limits_of

    return limits_of(options.alpha, options.effect, options.max_time, options.max_load, options.metrics)(verdicts)


def announce(line: str) -> None:
    """Prints a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)
