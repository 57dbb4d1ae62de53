"""`manyhands predict`: records of a few workers -> the train phase of many, by a model of compute and network."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.cli.request_options import typed
from manyhands.errors import UsageError
from manyhands.planning.option_values import counts

if TYPE_CHECKING:
    from manyhands.analysis.predictable import Family, Network
    from manyhands.record import Record
    from manyhands.report.prediction import Found

FORMATS = ("table", "markdown", "json")
WORKERS = "8,64,1024"


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
        "--workers", type=typed(counts), default=WORKERS, metavar="N,...", help="worker counts to predict (default: %(default)s)"
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
    from manyhands.analysis.predictable import families
    from manyhands.report.sources import load

    workers, given = sorted(set(options.workers)), link(options.network)
    records = load(options.records, with_workers=False)
    found = families(records)
    if not found:
        names = ", ".join(sorted({str(record.spec.get("workload")) for record in records if record.ok})) or "no measured run"
        raise UsageError(
            f"no network with its parameters counted in {', '.join(map(str, options.records))}, which has {names};"
            " measure one with this version: manyhands run cnn --backend ddp --workers 1,2 --out FILE"
        )
    show([(family, predicted(family, records, given, workers)) for family in found], options.format)
    return 0


def predicted(family: Family, records: list[Record], given: Network | None, workers: list[int]) -> Found:
    """The prediction of one family of cells; raises UsageError when its link is neither given nor measured."""
    from manyhands.analysis.predict import predict
    from manyhands.analysis.predictable import network_of

    measured = network_of(family, records)
    network = given or measured
    if network is None:
        raise UsageError(
            f"the link of {family.group.workload} on {family.backend} is not known: give --network 25Gbps,20us,"
            " or add records of 'manyhands run collective' made on the same machine"
        )
    return predict(family, network, workers, checked_on=measured)


def link(text: str | None) -> Network | None:
    """The network of `--network`; None when it was not given."""
    from manyhands.analysis.network import parse_network
    from manyhands.analysis.predictable import Network

    return Network(parse_network(text), "given by --network") if text is not None else None


def show(predictions: list[tuple[Family, Found]], form: str) -> None:
    """Prints the predictions in one of FORMATS."""
    from manyhands.report import prediction

    if form == "table":
        from manyhands.report.terminal import print_predictions

        print_predictions(predictions)
    else:
        sys.stdout.write(prediction.to_markdown(predictions) if form == "markdown" else prediction.to_json(predictions))
