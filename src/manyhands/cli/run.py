"""`manyhands run`: options -> a plan -> records, with a table at the end."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from manyhands.cli.data_options import add_data_options
from manyhands.cli.renamed import keep_old_name
from manyhands.cli.study import add_options, check_options, run_study
from manyhands.errors import DataError, UsageError
from manyhands.machine import host_name
from manyhands.plan import BATCH_MODES, DEVICES, PREPARES, SCALINGS, RunSpec
from manyhands.planning.option_values import counts, names, setting, shorthand, size
from manyhands.slurm import Step, current_step

DEFAULTS = {f.name: f.default for f in fields(RunSpec)}
RESULTS = Path("results")


def add_parser(commands: Any) -> None:
    """Adds the command and its options; their defaults are those of `RunSpec`."""
    parser = commands.add_parser(
        "run",
        help="train workloads on backends at several worker counts and show the table",
        description="Trains every workload on every backend at every worker count, each run in a fresh process, and shows the table."
        " Without a WORKLOAD it runs a default plan on embedded data that takes about three minutes on two cores.",
    )
    parser.add_argument(
        "workloads",
        nargs="*",
        action="extend",
        default=[],
        metavar="WORKLOAD",
        help="names from 'manyhands list', or path/to/file.py:Name",
    )
    parser.add_argument(
        "--workload",
        dest="workloads",
        action="extend",
        type=names,
        metavar="NAME,...",
        help="workloads, given as in the other commands",
    )
    add_options(parser)
    cells = parser.add_argument_group("cells")
    cells.add_argument("--backend", type=names, metavar="NAME,...", help="backends, see 'manyhands list' (default: serial,ddp)")
    cells.add_argument("--workers", type=counts, metavar="N,...", help="worker counts (default: 1,2 as far as the cores go)")
    cells.add_argument(
        "--threads", type=int, metavar="N", default=DEFAULTS["threads"], help="threads per worker (default: %(default)s)"
    )
    cells.add_argument(
        "--repeats", type=int, metavar="N", help="launches of every cell, in shuffled blocks (default: 3; 2 in the default plan)"
    )
    cells.add_argument("--oversubscribe", action="store_true", help="allow more workers x threads than cores; the records say so")
    work = parser.add_argument_group("work")
    work.add_argument("--epochs", type=int, metavar="N", help="passes over the training rows (default: the workload's)")
    work.add_argument("--samples", type=int, metavar="N", help="number of training rows (default: all)")
    work.add_argument("--batch-size", type=int, metavar="N", help="rows per step (default: the workload's)")
    work.add_argument(
        "--batch",
        choices=BATCH_MODES,
        default=DEFAULTS["batch"],
        help="global: --batch-size is the rows per step of all workers together, so the optimisation is the same at every"
        " worker count; per-worker: the rows per step of each worker (default: %(default)s)",
    )
    work.add_argument(
        "--scaling",
        choices=SCALINGS,
        default=DEFAULTS["scaling"],
        help="fixed: the same rows in total at every worker count; growing: --samples rows for each worker (default: %(default)s)",
    )
    work.add_argument(
        "--seed",
        type=int,
        metavar="N",
        default=DEFAULTS["seed"],
        help="seed of weights, order of rows and dropout (default: %(default)s)",
    )
    work.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="a setting of the workload, see 'manyhands list WORKLOAD'; can be given again",
    )
    for name, values in (("init", "shared|native"), ("cover", "shard|full")):
        work.add_argument(
            f"--{name}",
            action="append",
            default=[],
            dest="set",
            type=shorthand(name),
            metavar=values,
            help=f"short for --set {name}=...",
        )
    work.add_argument(
        "--score-epochs", action="store_true", help="score the held-out rows after every epoch, outside the phase 'train'"
    )
    add_data_options(work)
    work.add_argument(
        "--shard-data",
        action="store_true",
        help="each worker trains on the same contiguous rows in every epoch and fetches only those (default: all rows are"
        " shuffled over all workers)",
    )
    work.add_argument("--save", metavar="PLACE", help="where to put the trained model: a path, or s3://bucket/key")
    windows = work.add_argument(
        "--windows-by",
        dest="prepare",
        choices=PREPARES,
        default=DEFAULTS["prepare"],
        help="who makes the windows of stock prices; plain: each worker; spark: Spark, once for all workers, only on the backend"
        " spark (default: %(default)s)",
    )
    keep_old_name(work, "--prepare", windows)
    work.add_argument(
        "--memory-limit", type=size, metavar="SIZE", help="memory limit of each worker, such as 200MB (default: no limit)"
    )
    place = parser.add_argument_group("place")
    place.add_argument("--device", choices=DEVICES, default=DEFAULTS["device"], help="processor or GPU (default: %(default)s)")
    place.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="a running engine to use; for ddp and fabric-ddp the address on node 0 where the nodes meet",
    )
    place.add_argument(
        "--nodes",
        type=int,
        metavar="N",
        default=DEFAULTS["nodes"],
        help="machines that share the workers of ddp or fabric-ddp (default: 1, or those of the SLURM job step)",
    )
    place.add_argument(
        "--node-rank", type=int, metavar="N", default=DEFAULTS["node_rank"], help="number of this machine, from 0 (default: 0)"
    )
    place.add_argument(
        "--reuse-engine",
        action="store_true",
        help="start each engine once for all its runs; the launch is then reported separately and is not part of a run",
    )
    records = parser.add_argument_group("records")
    records.add_argument(
        "-o", "--out", type=Path, metavar="FILE", help="append the records to FILE, as JSON Lines (default: results/TIME.jsonl)"
    )
    records.add_argument("--resume", action="store_true", help="skip the runs that FILE already has")
    records.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        default=DEFAULTS["timeout_s"],
        help="longest time of one run (default: %(default)g)",
    )
    records.add_argument(
        "--order-seed", type=int, metavar="N", default=0, help="seed of the shuffled order of runs (default: %(default)s)"
    )
    records.add_argument("--dry-run", action="store_true", help="show the plan and run nothing")
    parser.set_defaults(call=run, step=None)


def run(options: argparse.Namespace) -> int:
    """Makes the plan, checks data and output, and carries the plan out; returns 0 when every run is ok, 1 when one failed."""
    from manyhands.plan import grid, ordered
    from manyhands.planning.cells import DEFAULT_REPEATS, REPEATS, chosen_cells, is_default_plan
    from manyhands.run import refusal
    from manyhands.session import check_data, help_out, measure_all, show_plan

    out = options.out or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    check_options(options, DEFAULTS)
    options.step = slurm_step(options)
    if options.study:
        return run_study(options, out)
    cells = chosen_cells(options)
    reasons = {repr(cell): refusal(cell) for cell in cells}
    repeats = options.repeats if options.repeats is not None else DEFAULT_REPEATS if is_default_plan(options) else REPEATS
    runs = ordered(grid([cell for cell in cells if not reasons[repr(cell)]], repeats), options.order_seed)
    skipped = [(cell, reason) for cell in cells if (reason := reasons[repr(cell)])]
    helps = any(cell.node_rank for cell in cells)
    if options.dry_run:
        return show_plan(runs, skipped)
    if not runs and not helps:
        raise UsageError("nothing can be run: " + "; ".join(f"{cell.label}: {reason}" for cell, reason in skipped))
    if helps:
        mine = [run for run in runs if run.node_rank]
        against = [(run, reason) for cell, reason in skipped if cell.node_rank for run in ordered(grid([cell], repeats), 0)]
        try:
            check_data(mine)
        except DataError as error:
            mine, against = [], [*against, *((run, str(error)) for run in mine)]
        return help_out(mine, against, options.timeout if any(run.nodes == 1 for run in runs) else 0.0, out, options)
    try:
        check_data(runs)
    except DataError as error:
        if max(spec.nodes for spec in runs) == 1:
            raise
        raise DataError(f"{error} (on {host_name()})") from None
    check_save(cells)
    return measure_all(runs, skipped, out, options)


def slurm_step(options: argparse.Namespace) -> Step | None:
    """The SLURM job step of several nodes that this process belongs to; None without one, or when `--nodes` is given.

    Raises UsageError for a job step in which nothing can be measured.
    """
    if options.nodes > 1:
        return None
    step = current_step(os.environ)
    if step and options.node_rank:
        raise UsageError(f"--node-rank {options.node_rank} needs --nodes and --address too; without them SLURM gives all three")
    if step and options.address:
        raise UsageError(
            f"srun has started this command on {step.nodes} nodes, and each of them would use the engine at {options.address} alone;"
            " use srun --nodes=1 --ntasks=1"
        )
    if step and options.study:
        raise UsageError(
            f"--study {options.study} runs on one machine, and srun has started it on {step.nodes}; use srun --nodes=1"
        )
    return step


def check_save(cells: Sequence[RunSpec]) -> None:
    """Checks that a model can be written to `--save`; raises UsageError when several cells would write a model there."""
    from manyhands.data.store.opening import open_store

    save = cells[0].save
    if save is None:
        return
    if len(cells) > 1:
        raise UsageError(
            f"--save {save}: {len(cells)} cells would write their model there; name one workload, one backend and one worker count"
        )
    open_store(save, cells[0].reader, tell=lambda line: print(line, file=sys.stderr)).prepare_writing()
