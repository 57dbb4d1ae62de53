"""The plan of a study at its scale: the runs, what is left out and why, and what each record says about the study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from manyhands.plan import RunSpec, ordered
from manyhands.planning.plan import Plan, Skipped
from manyhands.planning.request import Request
from manyhands.planning.study_cells import LOWEST_SEED, SEEDS, Planned, StudyStorage, blocks, cells, too_many
from manyhands.planning.study_scale import ChosenScale
from manyhands.studies.study import Study


def make_plan(
    study: Study,
    plan: Sequence[Planned],
    chosen: ChosenScale,
    storage: StudyStorage,
    request: Request,
    budget_s: float,
    cores: int,
) -> Plan:
    """The runs of a study at the chosen scale, with the entry `study` of their records."""
    found, uses = cells(plan, chosen.works, storage, request, cores)
    common = {
        "name": study.name,
        "seeds": SEEDS,
        "budget_s": budget_s,
        "pilot_s": chosen.pilot_s,
        "expected_s": chosen.expected_s,
        "repeats": [chosen.repeats, study.repeats],
    }
    about = {key: common | {"uses": own} for key, own in uses.items()}
    reasons = {cell.cell_key: left_out(cell, cores) for cell in found}
    runs = blocks([cell for cell in found if not reasons[cell.cell_key]], chosen.repeats)
    return Plan(
        ordered(runs, request.order_seed),
        skips(found, reasons),
        request.order_seed,
        chosen.repeats,
        study=lambda spec: about[replace(spec, seed=LOWEST_SEED).cell_key],
        max_load=request.max_load,
    )


def left_out(cell: RunSpec, cores: int) -> str | None:
    """The reason why the cell is not run on this machine; None when it is run."""
    from manyhands.run import refusal

    return refusal(cell) or too_many(cell, cores)


def skips(found: Sequence[RunSpec], reasons: Mapping[str, str | None]) -> list[Skipped]:
    """The cells that are left out, each with its reason."""
    return [(cell, reason) for cell in found if (reason := reasons[cell.cell_key])]
