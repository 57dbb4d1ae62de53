"""A session carries out a plan: run after run, each record kept in a file as soon as it is there, and reported to a watcher."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from manyhands.analysis.disturbed import disturbance
from manyhands.blocks import LEAST, Block, Blocks
from manyhands.plan import RunSpec
from manyhands.planning.goal import Goal
from manyhands.planning.plan import Plan, check_plan, make_plan, slurm_step
from manyhands.planning.request import Request
from manyhands.planning.study import check_study_options, study_plan
from manyhands.plugins import backend_class
from manyhands.record import Record, append_record, check_writable, read_records
from manyhands.reuse import measure_in_one_engine
from manyhands.run import RunContext, measure, skip
from manyhands.stopping import stoppable
from manyhands.temporary import sweep_leftovers
from manyhands.user_code import is_current
from manyhands.watcher import SILENT, Watcher

RESULTS = Path("results")


def default_file() -> Path:
    """A new file for records, below `results` in the current folder."""
    return RESULTS / f"{datetime.now(UTC):%Y%m%dT%H%M%S}.jsonl"


@contextmanager
def planned(
    request: Request,
    watcher: Watcher = SILENT,
    out: Path | None = None,
    resume: bool = False,
    dry_run: bool = False,
) -> Iterator[Plan]:
    """The plan of a request, ready to be carried out until the end of the `with` block.

    A study is scaled to its budget first, which makes short runs; `out` and `resume` are those of the session. `dry_run`: nothing is
    measured or checked. Raises UsageError or DataError for what is impossible.
    """
    check_study_options(request)
    if request.study is not None:
        slurm_step(request)
        with stoppable(), study_plan(request, watcher, out or default_file(), resume, dry_run) as plan:
            yield plan
        return
    plan = make_plan(request)
    if not (dry_run or plan.helps):
        check_plan(plan, watcher)
    yield plan


class LocalSession:
    """Carries out `plan` in this process, which so becomes the parent of all that its runs start. Iterate over it for the records of its runs as they come; do so once.

    Records are added to the file `out`. `resume`: runs that `out` has already are not made again. Runs that share one started engine
    (`reuse_engine`) give their records when the engine has stopped, so that nothing runs beside a measured run; the file and the
    watcher have them at once. Ctrl-C (KeyboardInterrupt) ends the processes of the run that is on; records made so far stay.
    """

    def __init__(self, plan: Plan, out: Path, resume: bool = False, watcher: Watcher = SILENT) -> None:
        """Raises RecordError when `out` cannot be written, or cannot be read and `resume` is set."""
        self.plan, self.out, self.watcher = plan, out, watcher
        self.before = [record for record in read_records(out) if is_current(record)] if resume and out.exists() else []
        self.blocks = Blocks(plan, self.before, f"--out {out} --resume")
        check_writable(out)
        self.made = 0
        """Launches so far, which are their positions in the plan."""
        self.records: list[Record] = [record for record in self.before if record.ok]
        """Those that the file has for this plan so far: of runs that are made, of cells that are left out, and from before."""

    @property
    def ok(self) -> bool:
        """True when at least one run is ok and none has failed."""
        return any(record.ok for record in self.records) and not any(record.status == "failed" for record in self.records)

    @property
    def is_short(self) -> bool:
        """True when `--max-time` ended the plan before every cell had a launch."""
        return self.blocks.is_short

    def __iter__(self) -> Iterator[Record]:
        sweep_leftovers()
        todo = self.blocks.todo
        with stoppable():
            if self.records:
                self.watcher.recalls(self.records)
            self.watcher.begins(todo, len(self.plan.runs) - len(todo))
            if (goal := self.plan.goal) != Goal():
                self.watcher.aims(goal.question if goal.until is not None else "", goal.max_time_s, goal.limits_least)
            try:
                context = self._context(todo)
                self._skip(context)
                for block in self.blocks:
                    if block.why != LEAST:
                        self.watcher.adds(block.runs)
                    yield from self._block(block, replace(context, why=block.why))
                for remark in self.blocks.remarks:
                    self.watcher.announces(remark)
            finally:
                self.watcher.ends()

    def _block(self, block: Block, context: RunContext) -> Iterator[Record]:
        for together in self._groups(block.runs):
            if self.blocks.is_over(block):
                return
            yield from self._measured(together, context)

    def _context(self, todo: Sequence[RunSpec]) -> RunContext:
        return RunContext(
            order_seed=self.plan.order_seed,
            max_load=self.plan.max_load,
            study=self.plan.study,
            log_folder=log_folder(self.out),
            watcher=self.watcher,
            **gatherer(todo, self.watcher.says),
        )

    def _skip(self, context: RunContext) -> None:
        """Keeps a record of each cell that is left out, unless the file has it."""
        known = [dict(record.spec) for record in self.before if record.status == "skipped"]
        for record in (skip(cell, reason, context) for cell, reason in self.plan.skipped):
            self.records.append(record) if record.spec in known else self._keep(record)

    def _groups(self, runs: Sequence[RunSpec]) -> Iterator[list[RunSpec]]:
        """The runs in their order; those that share a started engine together, where the first of them stands."""
        left = list(runs)
        while left:
            together = [spec for spec in left if shares_engine(spec, left[0])] or left[:1]
            left = [spec for spec in left if spec not in together]
            yield together

    def _measured(self, together: Sequence[RunSpec], context: RunContext) -> list[Record]:
        made: list[Record] = []

        def ended(record: Record) -> None:
            made.append(record)
            self._keep(record)
            self.blocks.add(record)
            self.watcher.ended(record)
            if record.ok and (reason := disturbance(record)):
                self.watcher.announces(f"disturbed: {RunSpec.from_dict(record.spec).label}: {reason}")

        self.watcher.starts(together)
        position, self.made = self.made, self.made + len(together)
        if together[0].reuse_engine:
            measure_in_one_engine(together, context, position, ended)
        else:
            ended(measure(together[0], context, position))
        return made

    def _keep(self, record: Record) -> None:
        append_record(self.out, record)
        self.records.append(record)


def log_folder(out: Path) -> Path:
    """The folder for the output of failed runs, beside the file of their records."""
    return out.parent / f"{out.stem}-logs"


def gatherer(runs: Sequence[RunSpec], say: Callable[[str], None]) -> dict[str, Any]:
    """The argument of `RunContext` that waits for other nodes; empty, with nothing heavy imported, for a plan of one node."""
    if all(spec.nodes == 1 for spec in runs):
        return {}
    from manyhands.backends.nodes.plan_sync import PlanLeader

    return {"gather": PlanLeader(runs, say)}


def shares_engine(spec: RunSpec, first: RunSpec) -> bool:
    """True when a run may use the engine that is started for `first`."""
    return first.reuse_engine and backend_class(first.backend).reusable and _started_with(spec) == _started_with(first)


def _started_with(spec: RunSpec) -> tuple[Any, ...]:
    """Settings that runs in one engine share. Runs may differ in their workers, but not where a memory limit per worker is set."""
    limited = (spec.memory_limit, spec.workers) if spec.memory_limit else ()
    return (spec.backend, spec.threads, spec.device, spec.address, spec.memory_layout, *limited)
