"""Carries out a plan in the terminal: checks the data, makes the runs with progress shown, keeps the records, prints the tables."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, workload_class
from manyhands.progress import Progress
from manyhands.record import Record, append_record, check_writable, read_records
from manyhands.report.terminal import print_report
from manyhands.reuse import measure_in_one_engine
from manyhands.run import Surroundings, measure, no_study, skip
from manyhands.temporary import sweep_leftovers


def show_plan(runs: Sequence[RunSpec], skipped: Sequence[tuple[RunSpec, str]]) -> int:
    """Prints the commands in the order of the runs, then the cells that are left out and why."""
    for number, spec in enumerate(runs, start=1):
        print(f"{number:>4}  block {spec.repeat + 1}  {spec.command()}")
    for cell, reason in skipped:
        print(f"   -  left out: {cell.label}: {reason}")
    return 0


def check_data(runs: Sequence[RunSpec]) -> None:
    """Reads each workload's data once before anything is timed; raises DataError or UsageError for data that no run could use.

    Data in a bucket is not read here: fetching costs time and money, and is part of what the runs measure.
    """
    checked = set()
    for spec in runs:
        workload = workload_class(spec.workload).from_settings(spec.settings)
        workload.check_epochs(spec.epochs)
        need = (spec.workload, repr(spec.settings), spec.total_samples)
        if need not in checked and not spec.data:
            workload.check_data(Path(spec.data_dir) if spec.data_dir else None, spec.total_samples)
            checked.add(need)


def measure_all(
    runs: list[RunSpec],
    skipped: Sequence[tuple[RunSpec, str]],
    out: Path,
    options: argparse.Namespace,
    study: Callable[[RunSpec], Mapping[str, Any]] = no_study,
) -> int:
    """Makes all runs, adds their records to `out` and shows the tables; 0 when every one is ok, 1 when one failed or none was made.

    `study`: gives what the record of a run holds about its study.
    """
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
            **gatherer(todo, progress.says),
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
    return 0 if any(record.ok for record in records) and not any(record.status == "failed" for record in records) else 1


def gatherer(runs: Sequence[RunSpec], say: Callable[[str], None]) -> dict[str, Any]:
    """The argument of `Surroundings` that waits for other nodes; empty, with nothing heavy imported, for a plan of one node."""
    if all(spec.nodes == 1 for spec in runs):
        return {}
    from manyhands.backends.nodes.plan_sync import PlanLeader

    return {"gather": PlanLeader(runs, say)}


def help_out(
    runs: Sequence[RunSpec], skipped: Sequence[tuple[RunSpec, str]], between_s: float, out: Path, options: argparse.Namespace
) -> int:
    """Makes this node's part of the runs that node 0 calls for; node 0 writes the records. Returns 0, or 1 when a run failed.

    `skipped`: runs that cannot be made here; node 0 gets the reason when it calls for them. `between_s`: how long node 0 may
    make runs of its own in between.
    """
    from manyhands.backends.nodes.heartbeat import NOT_NODE_ZERO
    from manyhands.backends.nodes.plan_sync import PlanFollower

    sweep_leftovers()
    surroundings = Surroundings(order_seed=options.order_seed, log_folder=out.parent / f"{out.stem}-logs")
    follower = PlanFollower(runs, skipped, between_s)
    node = f"node {follower.any_run.node_rank} of {follower.any_run.nodes}"
    failed = bool(skipped)
    for reason in dict.fromkeys(reason for _, reason in skipped):
        print(f"{node}: {reason}; reporting this to node 0", file=sys.stderr)
    with stoppable():
        try:
            while spec := follower.next():
                record = measure(spec, surroundings)
                if record.reason != NOT_NODE_ZERO:
                    failed = True
                    print(f"{node}: {spec.label}: {record.reason}", file=sys.stderr)
        except KeyboardInterrupt:
            print("\ninterrupted", file=sys.stderr)
            return 130
    print(f"{node} is done; node 0 writes the records", file=sys.stderr)
    return 1 if failed else 0


def _measure(todo: Sequence[RunSpec], surroundings: Surroundings, progress: Progress, ended: Callable[[Record], None]) -> None:
    """Makes the runs in their order; those that share a started engine one after the other, where the first of them stands."""
    left = list(todo)
    while left:
        together = [spec for spec in left if shares_engine(spec, left[0])] or left[:1]
        position = len(todo) - len(left)
        left = [spec for spec in left if spec not in together]
        progress.starts(together)
        if together[0].reuse_engine:
            measure_in_one_engine(together, surroundings, position, ended)
        else:
            ended(measure(together[0], surroundings, position))


def shares_engine(spec: RunSpec, first: RunSpec) -> bool:
    """True when a run may use the engine that is started for `first`."""
    return first.reuse_engine and backend_class(first.backend).reusable and _started_with(spec) == _started_with(first)


def _started_with(spec: RunSpec) -> tuple[Any, ...]:
    """Settings that runs in one engine share. Runs may differ in their workers, but not where a memory limit per worker is set."""
    limited = (spec.memory_limit, spec.workers) if spec.memory_limit else ()
    return (spec.backend, spec.threads, spec.device, spec.address, *limited)


def _done(spec: RunSpec, records: Sequence[Record]) -> bool:
    wanted = spec.to_dict()
    return any(record.ok and dict(record.spec) == wanted for record in records)


@contextmanager
def stoppable() -> Iterator[None]:
    """Makes SIGTERM and SIGHUP do the same as Ctrl-C, so that no process is left running."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
