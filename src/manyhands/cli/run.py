"""`manyhands run`: options -> a request -> a plan -> records, with a table at the end."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from manyhands.cli.request_options import add_details, add_request_options, given_in, request_of, typed
from manyhands.planning.option_values import names
from manyhands.planning.request import OPTIONS, WORK

TOO_SHORT = 2
"""Exit code when --max-time ended the plan before every cell had a launch."""


def add_parser(commands: Any) -> None:
    """Adds the command and its options, which are those of a `Request`."""
    parser = commands.add_parser(
        "run",
        help="train workloads on backends at several worker counts and show the table",
        description="Trains every workload on every backend at every worker count, each run in a fresh process, and shows the table."
        " Without a WORKLOAD it runs a default plan on embedded data until one cell is the fastest, for at most three minutes on two"
        " cores. A WORKLOAD may be a script of yours: manyhands run train.py --workers 1,2 -- --lr 0.1. Options that are not given are"
        " those of [tool.manyhands] in the nearest pyproject.toml, if it has this table.",
    )
    parser.add_argument("workloads", nargs="*", action="extend", default=[], metavar="WORKLOAD", help=OPTIONS["workloads"].help)
    parser.add_argument(
        "--workload",
        dest="workloads",
        action="extend",
        type=typed(names),
        metavar="NAME,...",
        help="workloads, given as in the other commands",
    )
    groups = add_request_options(parser)
    for name, values in (("init", "shared|native"), ("cover", "shard|full")):
        groups[WORK].add_argument(
            f"--{name}",
            action="append",
            default=[],
            dest="set",
            type=shorthand(name),
            metavar=values,
            help=f"short for --set {name}=...",
        )
    records = groups["records"]
    records.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="append the records to FILE, as JSON Lines (default: results/TIME.jsonl)"
    )
    records.add_argument("--resume", action="store_true", help="skip the runs that FILE already has")
    records.add_argument("--dry-run", action="store_true", help="show the plan and run nothing")
    add_details(records)
    parser.set_defaults(call=run, args=())


def shorthand(name: str) -> Any:
    """Makes `--name VALUE` the same as `--set name=VALUE`."""
    return lambda value: {name: value}


def run(options: argparse.Namespace) -> int:
    """Makes the plan, checks data and output, and carries the plan out; returns 0 when every run is ok, 1 when one failed."""
    from manyhands.helping import help_node_zero
    from manyhands.planning.project import with_project
    from manyhands.progress import Progress
    from manyhands.report.terminal import print_report
    from manyhands.session import LocalSession, default_file, planned

    out, progress = options.out or default_file(), Progress()
    request = with_project(request_of(options), given_in(options), say=progress.announces)
    session = None
    try:
        with planned(request, progress, out, options.resume, options.dry_run) as plan:
            if options.dry_run:
                print("\n".join(plan.lines()))
                return 0
            if plan.helps:
                return 0 if help_node_zero(plan, out, progress) else 1
            session = LocalSession(plan, out, options.resume, progress)
            for _ in session:
                pass
    except KeyboardInterrupt:
        kept = (
            f"; {len(session.records)} records are kept in {out}: add --out {out} --resume to go on"
            if session
            else "; nothing is kept"
        )
        print(f"\ninterrupted{kept}", file=sys.stderr)
        return 130
    print_report(session.records, details=options.details)
    print(f"records: {out}")
    return TOO_SHORT if session.is_short else 0 if session.ok else 1
