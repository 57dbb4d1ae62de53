"""`manyhands predict`: records of a few workers -> the train phase of many, by a model of compute and network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from manyhands.cli.request_options import typed
from manyhands.planning.option_values import counts
from manyhands.predictions import WORKERS, predictions

FORMATS = ("table", "markdown", "json")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "predict",
        help="predict the training time of networks on more workers than were measured",
        description="Predicts the train phase of every network in the records at other worker counts: the measured compute time, plus"
        " the time to exchange gradients over a link of the given bandwidth and latency that compute does not hide.",
    )
    parser.add_argument("records", nargs="+", type=Path, metavar="RECORDS", help="files of 'manyhands run'")
    parser.add_argument(
        "--workers",
        type=typed(counts),
        default=",".join(map(str, WORKERS)),
        metavar="N,...",
        help="worker counts to predict (default: %(default)s)",
    )
    parser.add_argument(
        "--network",
        metavar="BANDWIDTH,LATENCY",
        help="the link between workers, such as 25Gbps,20us (default: as the runs of 'collective' in RECORDS measured it)",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="format of the result (default: %(default)s)")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Prints the predictions; exit code 0. Raises UsageError for impossible options, or records without a network."""
    from manyhands.report.sources import load

    records = load(options.records, with_workers=False)
    found = predictions(records, options.workers, options.network, ", ".join(map(str, options.records)))
    if options.format == "table":
        from manyhands.report.terminal import print_predictions

        print_predictions(found.families)
    else:
        sys.stdout.write(found.to_markdown() if options.format == "markdown" else found.to_json())
    return 0
