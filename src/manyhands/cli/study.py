"""`manyhands run --study NAME`: a pilot says what runs cost here, the budget what fits, and the plan runs as any other does."""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.cli.study_cells import SEEDS, Place, Planned, Work, blocks, cells, key_of, planned, too_many, works
from manyhands.errors import UsageError
from manyhands.plan import RunSpec, option
from manyhands.record import BASE_LINE
from manyhands.studies.budget import Scale, fit_budget, parse_budget
from manyhands.studies.study import CORRECTED, VARIANTS, Study, load_study

if TYPE_CHECKING:
    from manyhands.record import Record

BOTH = "both"
DEFAULT_BUDGET = "10m"
LOOSE = ("backend", "workers", "epochs", "samples", "batch_size", "set", "save", "memory_limit", "address")
FLAGS = ("score_epochs", "shard_data", "reuse_engine")
CHOSEN = ("threads", "batch", "scaling", "seed", "prepare", "nodes", "node_rank")
"""Options of `run` that a study answers itself."""


@dataclass(frozen=True)
class Pilot:
    """What one short run took, in seconds."""

    fixed_s: float
    train_s: float
    row_visits: int
    """Rows times passes that it trained on."""
    evaluate_s: float = 0.0


@dataclass(frozen=True)
class Plan:
    """A study that is ready to run."""

    study: Study
    runs: list[list[RunSpec]]
    skipped: list[tuple[RunSpec, str]]
    about: Mapping[str, Mapping[str, Any]]
    """What the record of each cell says about the study."""

    def of(self, spec: RunSpec) -> Mapping[str, Any]:
        """What the record of a run says about the study."""
        return self.about[key_of(spec)]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose a study."""
    group = parser.add_argument_group("study")
    group.add_argument("--study", metavar="NAME", help="a published comparison from 'manyhands studies', in place of WORKLOAD")
    group.add_argument(
        "--variant",
        metavar="|".join((*VARIANTS, BOTH)),
        help=f"the original's choices, or fair ones, or both in one plan (default: {CORRECTED})",
    )
    group.add_argument(
        "--budget",
        metavar="TIME",
        help=f"about how long it may take, such as 90s or 10m: scales epochs, rows and repeats (default: {DEFAULT_BUDGET})",
    )


def check_options(options: argparse.Namespace, defaults: Mapping[str, Any]) -> None:
    """Raises UsageError for options of a study without a study, and for those that a study answers itself."""
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
        raise UsageError(f"--study {options.study} has a plan of its own; leave out {', '.join(words)}")


def run_study(options: argparse.Namespace, out: Path) -> int:
    """Measures what runs cost here, scales the study to the budget and runs it; exit code as of `manyhands run`."""
    from manyhands.cli.measuring import check_data, measure_all, show_plan, stoppable
    from manyhands.machine import usable_cores
    from manyhands.plan import ordered

    study, variants = load_study(options.study), chosen_variants(options.variant)
    budget_s = parse_budget(options.budget or DEFAULT_BUDGET)
    with ExitStack() as stack:
        place = _place(study, variants, options, stack)
        plan = planned(study, variants, place.folder)
        cores = usable_cores()
        least, _ = cells(plan, works(plan, 0.0), place, options, cores)
        reasons = {key_of(cell): left_out(cell, cores) for cell in least}
        if options.dry_run:
            print(f"at the smallest scale; a budget of {budget_s:g} s decides how far above it")
            return show_plan(blocks([c for c in least if not reasons[key_of(c)]], 1)[0], _skips(least, reasons))
        if all(reasons.values()):
            raise UsageError("nothing can be run: " + "; ".join(f"{cell.label}: {reasons[key_of(cell)]}" for cell in least))
        ready = [cell for cell in least if not reasons[key_of(cell)]]
        check_data(ready)
        chosen = _scale_before(plan, study, out) if options.resume and out.exists() else None
        if chosen is None:
            try:
                with stoppable():
                    chosen = _scale(plan, ready, budget_s, place, options)
            except KeyboardInterrupt:
                print("\ninterrupted in the pilot; nothing was kept", file=sys.stderr)
                return 130
        done = make_plan(study, plan, chosen, place, options, budget_s, cores)
        return measure_all(ordered(done.runs, options.order_seed), done.skipped, out, options, done.of)


def chosen_variants(text: str | None) -> tuple[str, ...]:
    """The variants to run; raises UsageError for one that does not exist."""
    if text is None:
        return (CORRECTED,)
    if text == BOTH:
        return VARIANTS
    if text not in VARIANTS:
        raise UsageError(f"--variant {text!r} is none of {', '.join((*VARIANTS, BOTH))}")
    return (text,)


def left_out(cell: RunSpec, cores: int) -> str | None:
    """Why the cell is not run here; None when it is."""
    from manyhands.run import refusal

    return refusal(cell) or too_many(cell, cores)


@dataclass(frozen=True)
class Chosen:
    """The scale that a study is run at."""

    works: list[Work]
    repeats: int
    expected_s: float | None
    pilot_s: float | None


def make_plan(
    study: Study, plan: Sequence[Planned], chosen: Chosen, place: Place, options: argparse.Namespace, budget_s: float, cores: int
) -> Plan:
    """The runs of a study at the chosen scale, and what their records say about it."""
    found, uses = cells(plan, chosen.works, place, options, cores)
    common = {
        "name": study.name,
        "seeds": SEEDS,
        "budget_s": budget_s,
        "pilot_s": chosen.pilot_s,
        "expected_s": chosen.expected_s,
        "repeats": [chosen.repeats, study.repeats],
    }
    about = {key: common | {"uses": own} for key, own in uses.items()}
    reasons = {key_of(cell): left_out(cell, cores) for cell in found}
    runs = blocks([cell for cell in found if not reasons[key_of(cell)]], chosen.repeats)
    return Plan(study, runs, _skips(found, reasons), about)


def _skips(found: Sequence[RunSpec], reasons: Mapping[str, str | None]) -> list[tuple[RunSpec, str]]:
    return [(cell, reason) for cell in found if (reason := reasons[key_of(cell)])]


def _scale(
    plan: Sequence[Planned], ready: Sequence[RunSpec], budget_s: float, place: Place, options: argparse.Namespace
) -> Chosen:
    """Runs the pilot and says what fits the rest of the budget."""
    from manyhands.machine import usable_cores

    began = time.monotonic()
    print("pilot: short runs that say what each engine and workload costs on this machine", file=sys.stderr)
    pilots = run_pilots(pilot_cells(ready))
    pilot_s = time.monotonic() - began
    running, cores = {running_key(cell) for cell in ready}, usable_cores()

    def once_s(share: float) -> float:
        found, _ = cells(plan, works(plan, share), place, options, cores)
        return sum(expected_s(cell, pilots) for cell in found if running_key(cell) in running)

    most = max(load_study(options.study).repeats, options.repeats or 1)
    scale = fit_budget(once_s, max(0.0, budget_s - pilot_s), most, options.repeats)
    chosen = Chosen(works(plan, scale.share), scale.repeats, round(scale.expected_s, 1), round(pilot_s, 1))
    _say(chosen, scale, budget_s, pilot_s, chosen.works == works(plan, 0.0))
    return chosen


def running_key(cell: RunSpec) -> tuple[str, str, int]:
    """What decides whether a cell can be run here."""
    return cell.workload, cell.backend, cell.workers


def _say(chosen: Chosen, scale: Scale, budget_s: float, pilot_s: float, is_least: bool) -> None:
    launches = f"{chosen.repeats} launch{'es' if chosen.repeats > 1 else ''} of every cell"
    size = "the smallest size" if is_least and scale.share < 1 else f"{100 * scale.share:.0f} % of the work"
    line = (
        f"budget: {budget_s:.0f} s, of which the pilot took {pilot_s:.0f} s; {launches} at {size}, about {scale.expected_s:.0f} s"
    )
    if scale.expected_s > max(0.0, budget_s - pilot_s):
        line += (
            f"; more than the budget: the least that the study can be; --budget {pilot_s + scale.expected_s:.0f}s would hold it"
        )
    print(line, file=sys.stderr)


def _scale_before(plan: Sequence[Planned], study: Study, out: Path) -> Chosen | None:
    """The scale that records of this study in `out` were made at, so that an interrupted plan goes on as it began."""
    from manyhands.record import read_records

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
    return Chosen(done, int(last["repeats"][0]), last["expected_s"], last["pilot_s"])


def pilot_cells(ready: Sequence[RunSpec]) -> list[RunSpec]:
    """The largest cell of `serial` for every workload, which says what rows cost, and of every other backend the first with
    the most workers, which says what the engine costs."""
    alone: dict[str, RunSpec] = {}
    engines: dict[str, RunSpec] = {}
    for cell in ready:
        if cell.backend == BASE_LINE:
            known = alone.setdefault(cell.workload, cell)
            if (cell.samples or 0, -cell.threads) > (known.samples or 0, -known.threads):
                alone[cell.workload] = cell
        elif cell.workers > engines.setdefault(cell.backend, cell).workers:
            engines[cell.backend] = cell
    return [replace(cell, save=None) for cell in (*alone.values(), *engines.values())]


def run_pilots(pilots: Sequence[RunSpec]) -> dict[tuple[str, str], Pilot]:
    """Backend and workload -> what a short run took; those that failed are not in it."""
    from manyhands.cli.progress import Progress
    from manyhands.run import Surroundings, measure

    found = {}
    with Progress(pilots, 0) as progress:
        surroundings = Surroundings(tick=progress.tick, waiting=progress.waits, notice=progress.says)
        for spec in pilots:
            progress.starts([spec])
            record = measure(spec, surroundings)
            progress.ended(record)
            if record.ok:
                found[spec.backend, spec.workload] = pilot_of(record)
    return found


def pilot_of(record: Record) -> Pilot:
    """What a run says about the cost of others like it."""
    train_s, evaluate_s = (record.phases.get(f"{phase}_s") or 0.0 for phase in ("train", "evaluate"))
    epochs = int(record.spec["epochs"])
    evaluations = epochs if record.spec["score_epochs"] else 1
    visits = epochs * int(record.spec["samples"] or 1)
    return Pilot((record.wall_s or 0.0) - train_s - evaluate_s, train_s, visits, evaluate_s / evaluations)


def expected_s(spec: RunSpec, pilots: Mapping[tuple[str, str], Pilot]) -> float:
    """Seconds that a launch of the cell should take, from what the pilot took.

    Rows are taken to cost with N workers 1 / sqrt(N) of what they cost in one process, half-way between no gain and an ideal
    one; more threads are taken to gain nothing. What an engine adds was measured once, on the first workload it was asked for.
    """
    alone = pilots.get((BASE_LINE, spec.workload))
    if alone is None:
        return _overhead_s(spec.backend, pilots)
    fixed_s = alone.fixed_s if spec.backend == BASE_LINE else _overhead_s(spec.backend, pilots)
    rows_s = alone.train_s * spec.epochs * (spec.samples or 1) / alone.row_visits
    evaluations = spec.epochs if spec.score_epochs else 1
    return fixed_s + evaluations * alone.evaluate_s + rows_s / math.sqrt(spec.workers)


def _overhead_s(backend: str, pilots: Mapping[tuple[str, str], Pilot]) -> float:
    """What an engine costs beside the rows: launch, end, and what its own training call takes longer than one process."""
    for (name, workload), pilot in pilots.items():
        if name == backend:
            alone = pilots.get((BASE_LINE, workload))
            rows_s = alone.train_s * pilot.row_visits / alone.row_visits if alone else 0.0
            return pilot.fixed_s + max(0.0, pilot.train_s - rows_s)
    return 0.0


def _place(study: Study, variants: Sequence[str], options: argparse.Namespace, stack: ExitStack) -> Place:
    """Where the study's data is; a bucket for the time of the run where it needs one and none is given."""
    from manyhands.cli.data_options import data_place

    folder, remote = data_place(options)
    if not any(part.bucket for variant in variants for part in study.parts(variant)):
        if remote:
            raise UsageError(f"--data {remote}: {study.name} reads its data from a folder; use --data-dir")
        return Place(folder)
    if options.dry_run:
        return Place(folder, remote or "s3://manyhands/mnist", reader=options.reader)
    from manyhands.cli.study_bucket import bucket

    return stack.enter_context(bucket(study.name, folder, remote, options.reader))
