"""A study -> its cells: the parts of the chosen variants as specs, scaled or at full size, each with its uses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from manyhands.plan import RunSpec
from manyhands.planning.request import Request
from manyhands.plugins import workload_class
from manyhands.studies.budget import work_at
from manyhands.studies.study import ALL_CORES, Study, StudyPart

SEEDS = "one a repeat"
LOWEST_SEED = 0


@dataclass(frozen=True)
class StudyStorage:
    """Places of the data and of the saved models of a study."""

    folder: str | None
    data: str | None = None
    models: str | None = None
    """Folder of a bucket for the models; None keeps none."""
    reader: str = "obstore"


@dataclass(frozen=True)
class Planned:
    """One part of one variant, and its number of training rows at full scale."""

    variant: str
    part: StudyPart
    rows: int


@dataclass(frozen=True)
class Work:
    """Epochs and rows of one part at the chosen scale."""

    epochs: int
    samples: int


def planned(study: Study, variants: Iterable[str], folder: str | None) -> list[Planned]:
    """The parts of all variants; reads every data set once, and raises DataError when one is missing."""
    counted: dict[str, int] = {}
    found = []
    for variant in variants:
        for part in study.parts(variant):
            if part.made:
                found.append(Planned(variant, part, part.samples or 1))
                continue
            settings = settings_of(part, folder)
            key = repr((part.workload, {name: settings.get(name) for name in part.real}))
            if key not in counted:
                workload = workload_class(part.workload).from_settings({name: settings[name] for name in part.real if folder})
                counted[key] = workload.count_rows(Path(folder) if folder else None)
            own = part.samples or (None if folder else part.embedded_samples)
            found.append(Planned(variant, part, min(counted[key], own) if own else counted[key]))
    return found


def settings_of(part: StudyPart, folder: str | None) -> dict[str, Any]:
    """The settings of the part; those that name real data only with a folder of real data."""
    return dict(part.settings) | (dict(part.real) if folder else {})


def works(plan: Sequence[Planned], share: float) -> list[Work]:
    """Epochs and rows of every part at that share of its work."""
    return [Work(*work_at(entry.part, share, entry.rows)) for entry in plan]


def cells(
    plan: Sequence[Planned], work: Sequence[Work], storage: StudyStorage, request: Request, cores: int
) -> tuple[list[RunSpec], dict[str, list[dict[str, Any]]]]:
    """Every cell once, and its uses; a cell of both variants is one cell with two uses.

    A use holds its variant and part, and `epochs` and `samples` here and at full scale.
    """
    found: dict[str, RunSpec] = {}
    uses: dict[str, list[dict[str, Any]]] = {}
    for entry, done in zip(plan, work, strict=True):
        for backend, counts in entry.part.backends.items():
            for workers in counts:
                spec = _cell(entry, done, storage, request, backend, workers, cores)
                found.setdefault(spec.cell_key, spec)
                use: dict[str, Any] = {"variant": entry.variant, "part": entry.part.name}
                use |= {"epochs": [done.epochs, entry.part.epochs], "samples": [done.samples, entry.rows]}
                uses.setdefault(spec.cell_key, []).append(use)
    return list(found.values()), uses


def blocks(chosen: Iterable[RunSpec], repeats: int) -> list[list[RunSpec]]:
    """The cells once per repeat, each repeat with a seed of its own."""
    chosen = list(chosen)
    return [[replace(spec, repeat=repeat, seed=LOWEST_SEED + repeat) for spec in chosen] for repeat in range(repeats)]


def too_many(spec: RunSpec, cores: int) -> str | None:
    """The reason why the cell is left out on so few cores; None when it fits or `oversubscribe` is set."""
    if spec.oversubscribe or spec.workers * spec.threads <= cores:
        return None
    return f"{spec.workers} workers are more than the {cores} usable cores; add --oversubscribe to time them anyway"


def _cell(entry: Planned, done: Work, storage: StudyStorage, request: Request, backend: str, workers: int, cores: int) -> RunSpec:
    part = entry.part
    bucket: Mapping[str, Any] = {}
    if part.bucket and storage.data:
        model = f"{storage.models}/{entry.variant}-{part.name}-{backend}-{workers}.pt" if storage.models else None
        bucket = {"data": storage.data, "save": model, "reader": storage.reader}
    return RunSpec(
        workload=part.workload,
        backend=backend,
        workers=workers,
        threads=cores if part.threads == ALL_CORES else int(part.threads),
        epochs=done.epochs,
        samples=done.samples,
        batch_size=part.batch_size,
        batch=workload_class(part.workload).batch_mode(part.batch),
        seed=LOWEST_SEED,
        device=request.device,
        score_epochs=part.score_epochs,
        data_dir=None if bucket or part.made else storage.folder,
        shard_data=part.shard_data,
        settings=settings_of(part, storage.folder),
        oversubscribe=request.oversubscribe and workers > 1,
        timeout_s=request.timeout,
        **bucket,
    )
