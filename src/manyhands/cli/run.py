"""`manyhands run`: options -> a plan -> records, with a table at the end."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from manyhands.cli.places import add_data_options
from manyhands.cli.study import add_options, check_options, run_study
from manyhands.errors import UsageError
from manyhands.plan import BATCH_MODES, DEVICES, PREPARES, SCALINGS, RunSpec

if TYPE_CHECKING:
    from manyhands.cli.progress import Progress
    from manyhands.record import Record
    from manyhands.run import Surroundings

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
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help="names from 'manyhands list', or path/to/file.py:Name")
    add_options(parser)
    cells = parser.add_argument_group("cells")
    cells.add_argument("--backend", type=_names, metavar="NAME,...", help="backends, see 'manyhands list' (default: serial,ddp)")
    cells.add_argument("--workers", type=_counts, metavar="N,...", help="worker counts (default: 1,2 as far as the cores go)")
    cells.add_argument("--threads", type=int, default=DEFAULTS["threads"], help="threads per worker (default: %(default)s)")
    cells.add_argument(
        "--repeats", type=int, help="launches of every cell, in shuffled blocks (default: 3; 2 in the default plan)"
    )
    cells.add_argument("--oversubscribe", action="store_true", help="allow more workers x threads than cores; the records say so")
    work = parser.add_argument_group("work")
    work.add_argument("--epochs", type=int, help="passes over the training rows (default: the workload's)")
    work.add_argument("--samples", type=int, help="training rows used (default: all of them)")
    work.add_argument("--batch-size", type=int, help="rows per step (default: the workload's)")
    work.add_argument(
        "--batch",
        choices=BATCH_MODES,
        default=DEFAULTS["batch"],
        help="what --batch-size counts: all workers' rows per step (the same optimisation at every worker count)"
        " or each worker's (default: %(default)s)",
    )
    work.add_argument(
        "--scaling",
        choices=SCALINGS,
        default=DEFAULTS["scaling"],
        help="the same rows in total at every worker count, or --samples for each worker (default: %(default)s)",
    )
    work.add_argument(
        "--seed", type=int, default=DEFAULTS["seed"], help="seed of weights, order and dropout (default: %(default)s)"
    )
    work.add_argument("--set", action="append", default=[], type=_setting, metavar="NAME=VALUE", help="a setting of the workload")
    for name, values in (("init", "shared|native"), ("cover", "shard|full")):
        work.add_argument(
            f"--{name}", action="append", default=[], dest="set", type=_shorthand(name), metavar=values, help=f"--set {name}=..."
        )
    work.add_argument("--score-epochs", action="store_true", help="score the held-out rows after every epoch, outside 'train'")
    add_data_options(work)
    work.add_argument(
        "--shard-data",
        action="store_true",
        help="give each worker the same contiguous rows in every epoch, so that it fetches no others (default: all rows are"
        " shuffled over all workers)",
    )
    work.add_argument("--save", metavar="PLACE", help="where to put the trained model: a path, or s3://bucket/key")
    work.add_argument(
        "--prepare",
        choices=PREPARES,
        default=DEFAULTS["prepare"],
        help="who makes windows of stock prices: each worker, or Spark for the backend spark (default: %(default)s)",
    )
    work.add_argument(
        "--memory-limit", type=_size, metavar="SIZE", help="memory of each worker, such as 200MB (default: no limit)"
    )
    place = parser.add_argument_group("place")
    place.add_argument("--device", choices=DEVICES, default=DEFAULTS["device"], help="(default: %(default)s)")
    place.add_argument("--address", metavar="HOST:PORT", help="an engine that runs already; for ddp where the nodes meet")
    place.add_argument("--nodes", type=int, default=DEFAULTS["nodes"], help="machines that share the workers of ddp (default: 1)")
    place.add_argument("--node-rank", type=int, default=DEFAULTS["node_rank"], help="which of them this is, from 0 (default: 0)")
    place.add_argument(
        "--reuse-engine", action="store_true", help="start each engine once for all its runs; its launch is shown apart"
    )
    records = parser.add_argument_group("records")
    records.add_argument("--out", type=Path, metavar="FILE", help="JSON Lines file to add to (default: results/TIME.jsonl)")
    records.add_argument("--resume", action="store_true", help="leave out the runs that FILE already has")
    records.add_argument(
        "--timeout", type=float, default=DEFAULTS["timeout_s"], help="seconds for one run (default: %(default)g)"
    )
    records.add_argument("--order-seed", type=int, default=0, help="seed of the order of runs (default: %(default)s)")
    records.add_argument("--dry-run", action="store_true", help="show the plan and stop")
    parser.set_defaults(call=run)


def run(options: argparse.Namespace) -> int:
    """Makes the plan, checks data and output, runs it; 0 when every run that was made is ok, 1 when one failed."""
    from manyhands.cli.cells import DEFAULT_REPEATS, REPEATS, chosen_cells, is_default_plan
    from manyhands.plan import grid, ordered
    from manyhands.run import refusal

    out = options.out or RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"
    check_options(options, DEFAULTS)
    if options.study:
        return run_study(options, out)
    cells = chosen_cells(options)
    reasons = {repr(cell): refusal(cell) for cell in cells}
    repeats = options.repeats if options.repeats is not None else DEFAULT_REPEATS if is_default_plan(options) else REPEATS
    runs = ordered(grid([cell for cell in cells if not reasons[repr(cell)]], repeats), options.order_seed)
    skipped = [(cell, reason) for cell in cells if (reason := reasons[repr(cell)])]
    if options.dry_run:
        return show_plan(runs, skipped)
    if not runs:
        raise UsageError("nothing can be run: " + "; ".join(f"{cell.label}: {reason}" for cell, reason in skipped))
    check_data(runs)
    check_save(cells)
    return measure_all(runs, skipped, out, options)


def show_plan(runs: Sequence[RunSpec], skipped: Sequence[tuple[RunSpec, str]]) -> int:
    """Prints the commands in the order of the runs, then what is left out and why."""
    for number, spec in enumerate(runs, start=1):
        print(f"{number:>4}  block {spec.repeat + 1}  {spec.command()}")
    for cell, reason in skipped:
        print(f"   -  left out: {cell.label}: {reason}")
    return 0


def check_data(runs: Sequence[RunSpec]) -> None:
    """Reads each workload's data once before anything is timed; raises DataError or UsageError for what no run could use.

    Data in a bucket is left to the runs: it costs time and money to fetch, and fetching it is part of what they measure.
    """
    from manyhands.plugins import workload_class

    checked = set()
    for spec in runs:
        workload = workload_class(spec.workload).from_settings(spec.settings)
        workload.check_epochs(spec.epochs)
        need = (spec.workload, repr(spec.settings), spec.total_samples)
        if need not in checked and not spec.data:
            workload.check_data(Path(spec.data_dir) if spec.data_dir else None, spec.total_samples)
            checked.add(need)


def check_save(cells: Sequence[RunSpec]) -> None:
    """Makes sure that a model can be put where `--save` says; raises UsageError when several cells would put theirs there."""
    from manyhands.data.store.opening import open_store

    save = cells[0].save
    if save is None:
        return
    if len(cells) > 1:
        raise UsageError(
            f"--save {save}: {len(cells)} cells would put their model there; name one workload, one backend and one worker count"
        )
    open_store(save, cells[0].reader, tell=lambda line: print(line, file=sys.stderr)).prepare_writing()


def _no_study(spec: RunSpec) -> Mapping[str, Any]:
    return {}


def measure_all(
    runs: list[RunSpec],
    skipped: Sequence[tuple[RunSpec, str]],
    out: Path,
    options: argparse.Namespace,
    study: Callable[[RunSpec], Mapping[str, Any]] = _no_study,
) -> int:
    """Makes all runs, adds their records to `out` and shows the tables; 0 when every one is ok, 1 when one failed.

    `study`: what the record of a run says about the study that it is part of.
    """
    from manyhands.cli.progress import Progress
    from manyhands.record import append_record, check_writable, read_records
    from manyhands.report.tables import print_report
    from manyhands.run import Surroundings, skip, sweep_leftovers

    sweep_leftovers()
    before = read_records(out) if options.resume and out.exists() else []
    check_writable(out)
    todo = [spec for spec in runs if not _done(spec, before)]
    records: list[Record] = [record for record in before if record.ok]
    with stoppable(), Progress(todo, len(runs) - len(todo)) as progress:
        surroundings = Surroundings(
            order_seed=options.order_seed,
            study=study,
            log_folder=out.parent / f"{out.stem}-logs",
            tick=progress.tick,
            waiting=progress.waits,
            notice=progress.says,
        )

        def keep(record: Record) -> None:
            append_record(out, record)
            records.append(record)

        def ended(record: Record) -> None:
            keep(record)
            progress.ended(record)

        known = [dict(record.spec) for record in before if record.status == "skipped"]
        for record in (skip(cell, reason, surroundings) for cell, reason in skipped):
            records.append(record) if record.spec in known else keep(record)
        try:
            _measure(todo, surroundings, progress, ended)
        except KeyboardInterrupt:
            progress.close()
            print(f"\ninterrupted; {len(records)} records are kept in {out}: add --out {out} --resume to go on", file=sys.stderr)
            return 130
    print_report(records)
    print(f"records: {out}")
    return 1 if any(record.status == "failed" for record in records) else 0


def _measure(todo: Sequence[RunSpec], surroundings: Surroundings, progress: Progress, ended: Callable[[Record], None]) -> None:
    """Makes the runs in their order; those that share a started engine one after the other, where the first of them stands."""
    from manyhands.reuse import measure_in_one_engine
    from manyhands.run import measure

    left = list(todo)
    while left:
        together = [spec for spec in left if _shares_engine(spec, left[0])] or left[:1]
        position = len(todo) - len(left)
        left = [spec for spec in left if spec not in together]
        progress.starts(together)
        if together[0].reuse_engine:
            measure_in_one_engine(together, surroundings, position, ended)
        else:
            ended(measure(together[0], surroundings, position))


def _shares_engine(spec: RunSpec, first: RunSpec) -> bool:
    from manyhands.plugins import backend_class

    same = (spec.backend, spec.threads, spec.device, spec.address) == (first.backend, first.threads, first.device, first.address)
    return first.reuse_engine and backend_class(first.backend).reusable and same


def _done(spec: RunSpec, records: Sequence[Record]) -> bool:
    wanted = spec.to_dict()
    return any(record.ok and dict(record.spec) == wanted for record in records)


@contextmanager
def stoppable() -> Iterator[None]:
    """Turns a request to end (SIGTERM, SIGHUP) into what Ctrl-C does, so that nothing is left running."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _counts(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers such as 1,2,4") from None


def _size(text: str) -> int:
    number = text.strip().upper().removesuffix("B")
    factor = next((10 ** (3 * power) for power, letter in enumerate("KMGT", start=1) if number.endswith(letter)), 1)
    try:
        return round(float(number.rstrip("KMGT")) * factor)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 200MB or 1.5GB") from None


def _shorthand(name: str) -> Callable[[str], tuple[str, str]]:
    return lambda value: (name, value)


def _setting(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip().replace("-", "_"), value
