"""`manyhands run`: options -> a request -> a plan -> records, with a table at the end."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from manyhands.cli.request_options import add_request_options, request_of, typed
from manyhands.errors import UsageError
from manyhands.planning.option_values import names
from manyhands.planning.request import OPTIONS, WORK, Request
from manyhands.slurm import Step, current_step


def add_parser(commands: Any) -> None:
    """Adds the command and its options, which are those of a `Request`."""
    parser = commands.add_parser(
        "run",
        help="train workloads on backends at several worker counts and show the table",
        description="Trains every workload on every backend at every worker count, each run in a fresh process, and shows the table."
        " Without a WORKLOAD it runs a default plan on embedded data that takes about three minutes on two cores.",
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
    parser.set_defaults(call=run)


def shorthand(name: str) -> Any:
    """Makes `--name VALUE` the same as `--set name=VALUE`."""
    return lambda value: {name: value}


def run(options: argparse.Namespace) -> int:
    """Makes the plan, checks data and output, and carries the plan out; returns 0 when every run is ok, 1 when one failed."""
    from manyhands.helping import help_node_zero
    from manyhands.progress import Progress
    from manyhands.report.terminal import print_report
    from manyhands.session import Session, default_file, planned

    request, out, progress = request_of(options), options.out or default_file(), Progress()
    session = None
    try:
        with planned(request, progress, out, options.resume, slurm_step(request), options.dry_run) as plan:
            if options.dry_run:
                print("\n".join(plan.lines()))
                return 0
            if plan.helps:
                return 0 if help_node_zero(plan, out, progress) else 1
            session = Session(plan, out, options.resume, progress)
            for _ in session:
                pass
    except KeyboardInterrupt:
        kept = f"; {len(session.records)} records are kept in {out}: add --out {out} --resume to go on" if session else ""
        print(f"\ninterrupted{kept}", file=sys.stderr)
        return 130
    print_report(session.records)
    print(f"records: {out}")
    return 0 if session.ok else 1


def slurm_step(request: Request) -> Step | None:
    """The SLURM job step of several nodes that this process belongs to; None without one, or when `--nodes` is given.

    Raises UsageError for a job step in which nothing can be measured.
    """
    if request.nodes > 1:
        return None
    step = current_step(os.environ)
    if step and request.node_rank:
        raise UsageError(f"--node-rank {request.node_rank} needs --nodes and --address too; without them SLURM gives all three")
    if step and request.address:
        raise UsageError(
            f"srun has started this command on {step.nodes} nodes, and each of them would use the engine at {request.address} alone;"
            " use srun --nodes=1 --ntasks=1"
        )
    if step and request.study:
        raise UsageError(
            f"--study {request.study} runs on one machine, and srun has started it on {step.nodes}; use srun --nodes=1"
        )
    return step
