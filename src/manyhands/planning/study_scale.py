"""The scale of a study: what fits into its budget of time, or what an interrupted run of the study began with."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyhands.machine import usable_cores
from manyhands.plan import RunSpec
from manyhands.planning.request import Request
from manyhands.planning.study_cells import Planned, StudyStorage, Work, cells, works
from manyhands.planning.study_pilot import expected_s, pilot_cells, run_pilots
from manyhands.record import read_records
from manyhands.studies.budget import Scale, fit_budget
from manyhands.studies.study import Study
from manyhands.watcher import Watcher


@dataclass(frozen=True)
class ChosenScale:
    """The scale that a study is run at."""

    works: list[Work]
    repeats: int
    expected_s: float | None
    pilot_s: float | None


def scale_to_budget(
    plan: Sequence[Planned],
    ready: Sequence[RunSpec],
    budget_s: float,
    storage: StudyStorage,
    request: Request,
    most: int,
    watcher: Watcher,
) -> ChosenScale:
    """Runs the pilot and chooses the largest scale that fits into the rest of the budget. `most`: repeats of the whole study."""
    began = time.monotonic()
    watcher.announces("pilot: short runs that measure what each engine and workload costs on this machine")
    pilots = run_pilots(pilot_cells(ready), watcher)
    pilot_s = time.monotonic() - began
    running, cores = {running_key(cell) for cell in ready}, usable_cores()

    def once_s(share: float) -> float:
        found, _ = cells(plan, works(plan, share), storage, request, cores)
        return sum(expected_s(cell, pilots) for cell in found if running_key(cell) in running)

    scale = fit_budget(once_s, max(0.0, budget_s - pilot_s), max(most, request.repeats or 1), request.repeats)
    chosen = ChosenScale(works(plan, scale.share), scale.repeats, round(scale.expected_s, 1), round(pilot_s, 1))
    watcher.announces(_line(chosen, scale, budget_s, pilot_s, chosen.works == works(plan, 0.0)))
    return chosen


def running_key(cell: RunSpec) -> tuple[str, str, int]:
    """The properties of a cell on which it depends if it can be run here."""
    return cell.workload, cell.backend, cell.workers


def _line(chosen: ChosenScale, scale: Scale, budget_s: float, pilot_s: float, is_least: bool) -> str:
    launches = f"{chosen.repeats} launch{'es' if chosen.repeats > 1 else ''} of every cell"
    size = "the smallest size" if is_least and scale.share < 1 else f"{100 * scale.share:.0f} % of the work"
    line = (
        f"budget: {budget_s:.0f} s, of which the pilot took {pilot_s:.0f} s; {launches} at {size}, about {scale.expected_s:.0f} s"
    )
    if scale.expected_s > max(0.0, budget_s - pilot_s):
        line += (
            f"; more than the budget: this is the smallest size of the study; it needs --budget {pilot_s + scale.expected_s:.0f}s"
        )
    return line


def scale_of_records(plan: Sequence[Planned], study: Study, out: Path) -> ChosenScale | None:
    """The scale of the records of this study in `out`, so that an interrupted plan continues at its scale; None without records."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    last: Mapping[str, Any] = {}
    for record in read_records(out):
        if record.study.get("name") == study.name:
            last = record.study
            found |= {(use["variant"], use["part"]): use for use in last["uses"]}
    wanted = [(entry.variant, entry.part.name) for entry in plan]
    if not all(key in found for key in wanted):
        return None
    done = [Work(found[key]["epochs"][0], found[key]["samples"][0]) for key in wanted]
    return ChosenScale(done, int(last["repeats"][0]), last["expected_s"], last["pilot_s"])
