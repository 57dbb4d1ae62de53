"""The plan of a study at its scale: the runs, what is left out and why, and what each record says about the study."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.plan import RunSpec
from manyhands.planning.study_cells import SEEDS, Planned, StudyStorage, blocks, cells, key_of, too_many
from manyhands.planning.study_scale import ChosenScale
from manyhands.studies.study import Study


@dataclass(frozen=True)
class StudyPlan:
    """A study that is ready to run."""

    study: Study
    runs: list[list[RunSpec]]
    skipped: list[tuple[RunSpec, str]]
    about: Mapping[str, Mapping[str, Any]]
    """Key of a cell -> what its records hold about the study."""

    def of(self, spec: RunSpec) -> Mapping[str, Any]:
        """The entry `study` of the record of a run."""
        return self.about[key_of(spec)]


def make_plan(
    study: Study,
    plan: Sequence[Planned],
    chosen: ChosenScale,
    storage: StudyStorage,
    options: argparse.Namespace,
    budget_s: float,
    cores: int,
) -> StudyPlan:
    """The runs of a study at the chosen scale, with the entry `study` of their records."""
    found, uses = cells(plan, chosen.works, storage, options, cores)
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
    return StudyPlan(study, runs, skips(found, reasons), about)


def left_out(cell: RunSpec, cores: int) -> str | None:
    """The reason why the cell is not run on this machine; None when it is run."""
    from manyhands.run import refusal

    return refusal(cell) or too_many(cell, cores)


def skips(found: Sequence[RunSpec], reasons: Mapping[str, str | None]) -> list[tuple[RunSpec, str]]:
    return [(cell, reason) for cell in found if (reason := reasons[key_of(cell)])]
