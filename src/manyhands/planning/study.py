"""The plan of a study: a pilot measures what runs cost here, and the study is scaled to its budget of time.

`study_cells`: the parts of a study as specs. `study_pilot`: what a launch costs. `study_scale`: what fits. `study_plan`: the runs.
`study_bucket`: the bucket that some studies read from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.planning.plan import Plan, check_data
from manyhands.planning.request import OPTIONS, Request, flag
from manyhands.planning.study_bucket import study_storage
from manyhands.planning.study_cells import blocks, cells, planned, works
from manyhands.planning.study_plan import left_out, make_plan, skips
from manyhands.planning.study_scale import scale_of_records, scale_to_budget
from manyhands.studies.budget import parse_budget
from manyhands.studies.study import CORRECTED, VARIANTS, load_study
from manyhands.watcher import Watcher

BOTH = "both"
DEFAULT_BUDGET = "10m"


def check_study_options(request: Request) -> None:
    """Raises UsageError for options of a study without a study, and for options that a study sets itself."""
    if request.study is None:
        for name in ("variant", "budget"):
            if (value := getattr(request, name)) is not None:
                raise UsageError(f"--{name} {value} is for a study; name one with --study, see 'manyhands studies'")
        return
    if given := [name for name in request.given() if not OPTIONS[name].with_study]:
        words = [*request.workloads, *(flag(name) for name in given if name != "workloads")]
        raise UsageError(f"--study {request.study} has its own plan; leave out {', '.join(words)}")


@contextmanager
def study_plan(request: Request, watcher: Watcher, out: Path, resume: bool, dry_run: bool = False) -> Iterator[Plan]:
    """The plan of the study that `request` names; its bucket, where it needs one, is there until the end of the `with` block.

    Measures what runs cost here, unless records of the study in `out` give its scale (`resume`). `dry_run`: nothing is measured,
    and the plan has the smallest scale. Raises UsageError when nothing can be run.
    """
    assert request.study is not None
    study, variants = load_study(request.study), chosen_variants(request.variant)
    budget_s = parse_budget(request.budget or DEFAULT_BUDGET)
    with ExitStack() as stack:
        storage = stack.enter_context(study_storage(study, variants, request, dry_run))
        plan = planned(study, variants, storage.folder)
        cores = usable_cores()
        least, _ = cells(plan, works(plan, 0.0), storage, request, cores)
        reasons = {cell.cell_key: left_out(cell, cores) for cell in least}
        ready = [cell for cell in least if not reasons[cell.cell_key]]
        if dry_run:
            note = f"at the smallest scale; a budget of {budget_s:g} s decides how far above it"
            yield Plan(blocks(ready, 1)[0], skips(least, reasons), request.order_seed, note=note)
            return
        if not ready:
            raise UsageError("nothing can be run: " + "; ".join(f"{cell.label}: {reasons[cell.cell_key]}" for cell in least))
        check_data(ready)
        chosen = scale_of_records(plan, study, out) if resume and out.exists() else None
        if chosen is None:
            chosen = scale_to_budget(plan, ready, budget_s, storage, request, study.repeats, watcher)
        yield make_plan(study, plan, chosen, storage, request, budget_s, cores)


def chosen_variants(text: str | None) -> tuple[str, ...]:
    """The variants to run; raises UsageError for one that does not exist."""
    if text is None:
        return (CORRECTED,)
    if text == BOTH:
        return VARIANTS
    if text not in VARIANTS:
        raise UsageError(f"--variant {text!r} is not one of {', '.join((*VARIANTS, BOTH))}")
    return (text,)
