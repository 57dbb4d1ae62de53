"""`manyhands run --study NAME`: a pilot measures what runs cost here, the study is scaled to its budget of time, and then runs.

`study_cells`: the parts of a study as specs. `study_pilot`: what a launch costs. `study_scale`: what fits. `study_plan`: the runs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from manyhands.errors import UsageError
from manyhands.plan import option
from manyhands.planning.study_bucket import study_storage
from manyhands.planning.study_cells import blocks, cells, key_of, planned, works
from manyhands.planning.study_plan import left_out, make_plan, skips
from manyhands.planning.study_scale import scale_of_records, scale_to_budget
from manyhands.studies.budget import parse_budget
from manyhands.studies.study import CORRECTED, VARIANTS, load_study

BOTH = "both"
DEFAULT_BUDGET = "10m"
LOOSE = ("backend", "workers", "epochs", "samples", "batch_size", "set", "save", "memory_limit", "address")
FLAGS = ("score_epochs", "shard_data", "reuse_engine")
CHOSEN = ("threads", "batch", "scaling", "seed", "prepare", "nodes", "node_rank")
"""Options of `run` that a study sets itself."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose a study."""
    group = parser.add_argument_group("study")
    group.add_argument(
        "--study", metavar="NAME", help="run this published comparison instead of WORKLOAD, see 'manyhands studies'"
    )
    group.add_argument(
        "--variant",
        metavar="|".join((*VARIANTS, BOTH)),
        help=f"as published, with the flaws corrected, or both in one plan (default: {CORRECTED})",
    )
    group.add_argument(
        "--budget",
        metavar="TIME",
        help=f"time for the whole study, such as 90s or 10m; scales epochs, rows and repeats (default: {DEFAULT_BUDGET})",
    )


def check_options(options: argparse.Namespace, defaults: Mapping[str, Any]) -> None:
    """Raises UsageError for options of a study without a study, and for options that a study sets itself."""
    if options.study is None:
        for name in ("variant", "budget"):
            if getattr(options, name) is not None:
                raise UsageError(
                    f"--{name} {getattr(options, name)} is for a study; name one with --study, see 'manyhands studies'"
                )
        return
    given = [name for name in (*LOOSE, *FLAGS) if getattr(options, name)]
    given += [name for name in CHOSEN if getattr(options, name) != defaults[name]]
    if options.workloads or given:
        words = [*options.workloads, *map(option, given)]
        raise UsageError(f"--study {options.study} has its own plan; leave out {', '.join(words)}")


def run_study(options: argparse.Namespace, out: Path) -> int:
    """Measures what runs cost here, scales the study to the budget and runs it; returns the exit code of `manyhands run`."""
    from manyhands.machine import usable_cores
    from manyhands.plan import ordered
    from manyhands.session import check_data, measure_all, show_plan, stoppable

    study, variants = load_study(options.study), chosen_variants(options.variant)
    budget_s = parse_budget(options.budget or DEFAULT_BUDGET)
    with ExitStack() as stack:
        storage = stack.enter_context(study_storage(study, variants, options))
        plan = planned(study, variants, storage.folder)
        cores = usable_cores()
        least, _ = cells(plan, works(plan, 0.0), storage, options, cores)
        reasons = {key_of(cell): left_out(cell, cores) for cell in least}
        if options.dry_run:
            print(f"at the smallest scale; a budget of {budget_s:g} s decides how far above it")
            return show_plan(blocks([c for c in least if not reasons[key_of(c)]], 1)[0], skips(least, reasons))
        if all(reasons.values()):
            raise UsageError("nothing can be run: " + "; ".join(f"{cell.label}: {reasons[key_of(cell)]}" for cell in least))
        ready = [cell for cell in least if not reasons[key_of(cell)]]
        check_data(ready)
        chosen = scale_of_records(plan, study, out) if options.resume and out.exists() else None
        if chosen is None:
            try:
                with stoppable():
                    chosen = scale_to_budget(plan, ready, budget_s, storage, options)
            except KeyboardInterrupt:
                print("\ninterrupted during the pilot; nothing is kept", file=sys.stderr)
                return 130
        done = make_plan(study, plan, chosen, storage, options, budget_s, cores)
        return measure_all(ordered(done.runs, options.order_seed), done.skipped, out, options, done.of)


def chosen_variants(text: str | None) -> tuple[str, ...]:
    """The variants to run; raises UsageError for one that does not exist."""
    if text is None:
        return (CORRECTED,)
    if text == BOTH:
        return VARIANTS
    if text not in VARIANTS:
        raise UsageError(f"--variant {text!r} is not one of {', '.join((*VARIANTS, BOTH))}")
    return (text,)
