"""The plan of a request: its runs in the order to make them, and the cells that are left out, with the reason."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyhands.errors import DataError, UsageError
from manyhands.machine import host_name, usable_cores
from manyhands.plan import RunSpec, check_cores, grid, ordered
from manyhands.planning.cells import chosen_cells, default_note
from manyhands.planning.goal import Goal, goal_of, least_repeats
from manyhands.planning.option_values import WINNER
from manyhands.planning.request import Request
from manyhands.plugins import workload_class
from manyhands.run import no_study, refusal
from manyhands.slurm import Step, current_step
from manyhands.watcher import SILENT, Watcher

Skipped = tuple[RunSpec, str]
"""A cell or a run that is not made, and the reason."""


@dataclass(frozen=True)
class Plan:
    """The runs that a session makes, and the cells that it leaves out."""

    runs: Sequence[RunSpec]
    """In the order to make them."""
    skipped: Sequence[Skipped] = ()
    """Cells that are not run here."""
    order_seed: int = 0
    repeats: int = 1
    note: str = ""
    """A line that a listing of the plan begins with."""
    study: Callable[[RunSpec], Mapping[str, Any]] = no_study
    """The field `study` of the record of a run."""
    goal: Goal = field(default_factory=Goal)
    """The end of the plan; blocks are added to `runs` until then."""
    max_load: float | None = None
    """Share of the cores that other programs may use."""

    @property
    def helps(self) -> bool:
        """True when this machine is not node 0 of its runs: it makes its part of them, and node 0 has the records."""
        return any(spec.node_rank for spec in (*self.runs, *(cell for cell, _ in self.skipped)))

    def lines(self) -> list[str]:
        """The commands in the order of the runs, then the cells that are left out and why."""
        runs = [
            f"{number:>4}  block {spec.repeat + 1}  {spec.command(self.max_load)}"
            for number, spec in enumerate(self.runs, start=1)
        ]
        reasons: dict[str, list[str]] = {}
        for cell, reason in self.skipped:
            reasons.setdefault(reason, []).append(cell.label)
        skipped = [f"   -  left out: {', '.join(labels)}: {reason}" for reason, labels in reasons.items()]
        return [*filter(None, [self.note]), *runs, *self._ends(), *skipped]

    def _ends(self) -> list[str]:
        """The line about blocks that are added, and the one about the time, where there are any."""
        goal = self.goal
        limit = f"{goal.max_time_s:g} s" if goal.max_time_s is not None else ""
        if goal.until is not None:
            aim = "one cell is the fastest" if goal.until == WINNER else f"every speed-up is known to within {goal.question}"
            return [
                f" ...  then more blocks, of the open cells and the base line alone, until {aim} (--until {goal.question})"
                f" or {limit} are over (--max-time)"
            ]
        return [f" ...  no block begins that would end after {limit} (--max-time)"] if limit else []


def make_plan(request: Request) -> Plan:
    """The plan of a request without a study; raises UsageError for what is impossible."""
    cells = chosen_cells(request, slurm_step(request))
    reasons = {cell.cell_key: refusal(cell) for cell in cells}
    ready, repeats = [cell for cell in cells if not reasons[cell.cell_key]], least_repeats(request)
    runs = ordered(grid(ready, repeats), request.order_seed)
    skipped = [(cell, reason) for cell in cells if (reason := reasons[cell.cell_key])]
    goal = goal_of(request, ready)
    note = default_note(ready) if request.is_default else ""
    return Plan(runs, skipped, request.order_seed, repeats, note, goal=goal, max_load=request.max_load)


def not_run_here(spec: RunSpec) -> str | None:
    """The reason why a cell is not run on this machine: refused, or more threads than cores; None when it can run."""
    if reason := refusal(spec):
        return reason
    try:
        check_cores([spec], usable_cores())
    except UsageError as error:
        return str(error)
    return None


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


def check_plan(plan: Plan, watcher: Watcher = SILENT) -> None:
    """Checks, before anything is timed, that the plan has runs, that their data can be read, and that their model can be saved.

    Raises UsageError or DataError with what to do.
    """
    if not plan.runs:
        raise UsageError("nothing can be run: " + "; ".join(f"{cell.label}: {reason}" for cell, reason in plan.skipped))
    try:
        check_data(plan.runs)
    except DataError as error:
        if max(spec.nodes for spec in plan.runs) == 1:
            raise
        raise DataError(f"{error} (on {host_name()})") from None
    check_save(plan, watcher)


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


def check_save(plan: Plan, watcher: Watcher = SILENT) -> None:
    """Checks that a model can be written to `--save`; raises UsageError when several cells would write a model there."""
    from manyhands.data.store.opening import open_store

    cells = {spec.cell_key: spec for spec in (*plan.runs, *(cell for cell, _ in plan.skipped))}
    one = next(iter(cells.values()))
    if one.save is None:
        return
    if len(cells) > 1:
        raise UsageError(
            f"--save {one.save}: {len(cells)} cells would write their model there; name one workload, one backend and one worker count"
        )
    open_store(one.save, one.reader, tell=watcher.announces).prepare_writing()
