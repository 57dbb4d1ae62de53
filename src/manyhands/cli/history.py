"""`manyhands history`: at which commit training became slower, found as change points in asv's results and in records."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from manyhands.cli.request_options import typed
from manyhands.commits.history import DRIFT, over_commits
from manyhands.errors import UsageError
from manyhands.planning.option_values import share

FORMATS = ("table", "markdown", "json")
ASV = Path(".asv/results")


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "history",
        help="show at which commits training became slower or faster",
        description="Looks for lasting changes in every benchmark over the commits that asv or 'manyhands run' measured, and for"
        " slow drift since the last release.",
    )
    parser.add_argument(
        "records", nargs="*", type=Path, metavar="RECORDS", help="files of 'manyhands run', made at several commits"
    )
    parser.add_argument("--asv", type=Path, metavar="DIR", help=f"asv's results (default: {ASV}, unless RECORDS are given)")
    parser.add_argument(
        "--effect", type=typed(share), default=DRIFT, metavar="SHARE", help="the smallest drift that matters (default: 5%%)"
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="format of the result (default: %(default)s)")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Prints the changes; exit code 0, or 1 when a benchmark has drifted by more than `--effect` since the last release."""
    from manyhands.report import history
    from manyhands.report.sources import load

    folder = options.asv or (None if options.records else ASV)
    records = load(options.records, with_workers=False) if options.records else []
    found = over_commits(folder, records, options.effect)
    if found.left_out and not found.series:
        raise UsageError(
            f"all results in {folder} are of other versions of these benchmarks than the last 'asv run' found, and are not compared"
            " with them; run asv on these commits again"
        )
    if not found.series:
        raise UsageError(
            "nothing was measured at a commit of this repository's history: records of a tree with changes belong to none"
        )
    if options.format == "table":
        from manyhands.report.terminal import print_history

        print_history(found)
    else:
        sys.stdout.write(history.to_markdown(found) if options.format == "markdown" else history.to_json(found))
    return 1 if found.crept else 0
