"""`manyhands history`: at which commit training became slower, found as change points in asv's results and in records."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.cli.request_options import typed
from manyhands.errors import UsageError
from manyhands.planning.option_values import share

if TYPE_CHECKING:
    from manyhands.analysis.history.found import History
    from manyhands.analysis.history.series import Order
    from manyhands.record import Record

FORMATS = ("table", "markdown", "json")
ASV = Path(".asv/results")
DRIFT = 0.05
"""Default of `--effect`: the smallest drift since a release that matters."""


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


def over_commits(asv: Path | None, records: list[Record], effect: float) -> History:
    """Changes in asv's results and in records over the commits of the repository here; raises UsageError without results."""
    from manyhands.analysis.history.found import find
    from manyhands.analysis.history.series import from_asv, from_records

    if asv and not asv.is_dir():
        raise UsageError(f"no asv results in {asv}; make some with 'asv run', or name files of 'manyhands run'")
    order = commit_order(Path.cwd())
    return find((from_asv(asv, order) if asv else []) + from_records(records, order), order, effect)


def commit_order(repository: Path) -> Order:
    """The commits that HEAD has and the releases among them; none of either where there is no repository."""
    from manyhands.analysis.history.series import Order

    commits = _git(repository, "rev-list", "--topo-order", "--reverse", "HEAD")
    place = {commit: number for number, commit in enumerate(commits)}
    tags = _git(repository, "for-each-ref", "refs/tags", "--format=%(refname:short) %(objectname) %(*objectname)")
    named = [(parts[0], parts[-1]) for line in tags if len(parts := line.split()) > 1]
    known = [(name, commit) for name, commit in named if commit in place]
    return Order(tuple(commits), tuple(sorted(known, key=lambda pair: place[pair[1]])))


def _git(repository: Path, *arguments: str) -> list[str]:
    try:
        done = subprocess.run(["git", "-C", str(repository), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []
