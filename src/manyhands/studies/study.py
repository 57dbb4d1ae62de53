"""A study: a plan of cells, the published figures to compare with, and the known flaws; read from a TOML file and checked.

`studies/NAME.toml` holds data only. Every part may have other values for one variant: `as-published` keeps the choices of the
original, `corrected` is fair. The module needs only the standard library, so a report can show studies without other packages.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.resources import files
from typing import Any, TypeVar

from manyhands.errors import UsageError, unknown
from manyhands.schemas.check import checker
from manyhands.schemas.types import WrongValues, made

AS_PUBLISHED, CORRECTED = "as-published", "corrected"
VARIANTS = (AS_PUBLISHED, CORRECTED)
KINDS = ("speed-up", "quality", "fetched")
"""Kinds of figure: a ratio of times, a metric on the held-out rows, or megabytes fetched by one worker."""
TIMES = ("launch", "load", "warmup", "train", "evaluate", "save", "teardown", "predict", "wall")
"""The times that a speed-up may use: phases, the prediction inside `evaluate`, or the whole run."""
TABLES = ("classes", "laws", "processes", "steps")
ALL_CORES = "all"
MAP: Mapping[str, Any] = {"type": "object"}


def _maps(**inside: Mapping[str, Any]) -> Mapping[str, Any]:
    """A list of maps with some maps or lists inside, also in the changes of a variant."""
    changed = {variant: {"type": "object", "properties": inside} for variant in VARIANTS}
    return {"type": "array", "items": {"type": "object", "properties": inside | changed}}


FORM: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "part": _maps(settings=MAP, real=MAP),
        "figure": _maps(of=MAP, over=MAP, rows=_maps(over=MAP)),
        "flaw": _maps(),
        "table": _maps(),
    },
}
"""The outline of a file; the classes below check what is inside."""


@dataclass(frozen=True, kw_only=True)
class StudyPart:
    """Cells of one workload under one setting, in one variant of a study."""

    name: str
    workload: str
    backends: Mapping[str, Sequence[int]]
    """Backend -> its worker counts."""
    variants: Sequence[str] = VARIANTS
    epochs: int = 1
    least_epochs: int = 1
    epochs_step: int = 1
    """The number of epochs is a multiple of this at any scale."""
    samples: int | None = None
    """Training rows at full scale; None means all rows."""
    least_samples: int | None = None
    """The smallest number of training rows at any scale; None means that the rows are never scaled."""
    batch_size: int = 64
    batch: str = "global"
    threads: int | str = 1
    """Threads of each worker; `all` means the usable cores."""
    score_epochs: bool = False
    shard_data: bool = False
    bucket: bool = False
    """True when data and model are in a bucket."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    real: Mapping[str, Any] = field(default_factory=dict)
    """Settings that name files or columns of the real data; they are left out with the embedded data."""
    made: bool = False
    """True to use the embedded data always, even with a folder of real data; it has as many rows as `samples`."""
    embedded_samples: int | None = None
    """Rows of the embedded data that replace a real file of that size."""


@dataclass(frozen=True, kw_only=True)
class FigureCell:
    """One cell whose value a figure uses."""

    part: str
    backend: str
    workers: int = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """One published number, or a missing one that the publication should have."""

    label: str
    of: FigureCell
    over: FigureCell | None = None
    """The base cell of a speed-up."""
    value: float | None = None
    """None when no number was published."""
    spread: float | None = None
    """The published standard deviation."""
    words: str = ""
    """The number as published, or the reason why there is none."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A published quantity, and how manyhands measures it."""

    name: str
    what: str
    kind: str
    source: str
    """The place in the publication."""
    rows: Sequence[Row]
    variants: Sequence[str] = VARIANTS
    metric: str = ""
    """Name of the quality metric; dots separate the levels of a nested one."""
    time: Sequence[str] = ("train",)
    plus_s: float = 0.0
    """Seconds in the original's measured time that are not work; they are added to both sides of a speed-up."""
    or_fewer: bool = False
    """True when the largest smaller worker count may replace one that was not measured; a note then says so."""


@dataclass(frozen=True, kw_only=True)
class Flaw:
    """A flaw of figures, and what the corrected variant does instead."""

    spoils: Sequence[str]
    words: str
    instead: str


@dataclass(frozen=True, kw_only=True)
class MeasuredTable:
    """A table of measured values without published values to compare with."""

    kind: str
    parts: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Study:
    """A named plan with a published table to compare with."""

    name: str
    title: str
    asks: str
    source: str
    machine: str
    """A description of the original's machine."""
    repeats: int
    """Launches of every cell at full scale."""
    definitions: Sequence[Mapping[str, Any]]
    """The parts as written, with the changes of each variant."""
    figure_definitions: Sequence[Mapping[str, Any]]
    flaws: Sequence[Flaw]
    tables: Sequence[MeasuredTable]

    def parts(self, variant: str) -> list[StudyPart]:
        """The parts of one variant."""
        made = [
            _made(StudyPart, _varied(values, variant), f"{self.name}: part {values.get('name')}") for values in self.definitions
        ]
        return [part for part in made if variant in part.variants]

    def figures(self, variant: str) -> list[Figure]:
        """All figures with the definitions of the variant; `variants` of a figure names the variants that have it."""
        return [_figure(_varied(values, variant), self.name) for values in self.figure_definitions]

    def flaws_of(self, figure: str) -> list[Flaw]:
        """The flaws of the figure with that name."""
        return [flaw for flaw in self.flaws if figure in flaw.spoils]


Made = TypeVar("Made")


def study_names() -> list[str]:
    """The names of all studies, in alphabetical order."""
    return sorted(file.name.removesuffix(".toml") for file in files("manyhands.studies").iterdir() if file.name.endswith(".toml"))


def load_study(name: str) -> Study:
    """The checked study with that name; raises UsageError for an unknown name."""
    if name not in study_names():
        raise unknown("study", name, study_names(), "manyhands studies")
    return read_study(name, files("manyhands.studies").joinpath(f"{name}.toml").read_text(encoding="utf-8"))


def read_study(name: str, text: str) -> Study:
    """The study in the text of a file; raises UsageError that names the mistake."""
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"study {name}: {error or 'lists lie too deep inside each other'}") from None
    if fault := checker(FORM)(values):
        raise UsageError(f"study {name}: {fault}")
    given = {"name": name, "definitions": values.pop("part", []), "figure_definitions": values.pop("figure", [])}
    flaws = [_made(Flaw, flaw, f"{name}: flaw") for flaw in values.pop("flaw", [])]
    tables = [_made(MeasuredTable, table, f"{name}: table") for table in values.pop("table", [])]
    study = _made(Study, values | given | {"flaws": flaws, "tables": tables}, name)
    for problem in _problems(study):
        raise UsageError(f"study {name}: {problem}")
    return study


def _varied(values: Mapping[str, Any], variant: str) -> dict[str, Any]:
    """The values for both variants, with the changes of one variant; settings are changed one by one."""
    common = {key: value for key, value in values.items() if key not in VARIANTS}
    changes = dict(values.get(variant, {}))
    if "settings" in changes:
        changes["settings"] = common.get("settings", {}) | changes["settings"]
    return common | changes


def _figure(values: Mapping[str, Any], study: str) -> Figure:
    """A figure from its table: `of` and `over` apply to all rows, and a row may change the cell or parts of it."""
    values = dict(values)
    of, over, where = values.pop("of", {}), values.pop("over", None), f"{study}: figure {values.get('name')}"
    rows = []
    for row in values.pop("rows", []):
        own = {key: row[key] for key in ("part", "backend", "workers") if key in row}
        rest = {key: value for key, value in row.items() if key not in own and key != "over"}
        base = (over or {}) | row.get("over", {}) if over or "over" in row else None
        sides = {"of": _made(FigureCell, of | own, where), "over": _made(FigureCell, base, where) if base else None}
        rows.append(_made(Row, {"label": ""} | rest | sides, where))
    return _made(Figure, values | {"rows": rows}, where)


def _made(kind: type[Made], values: Mapping[str, Any], where: str) -> Made:
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]  # a dataclass
    if wrong := set(values) - known:
        raise UsageError(f"study {where}: unknown {', '.join(sorted(wrong))}; known: {', '.join(sorted(known))}")
    try:
        return made(kind, values)
    except WrongValues as error:
        raise UsageError(f"study {where}: {error}") from None


def _problems(study: Study) -> Iterable[str]:
    """Messages for all mistakes in a study."""
    for variant in VARIANTS:
        parts = {part.name: part for part in study.parts(variant)}
        figures = study.figures(variant)
        yield from _repeated([part.name for part in study.parts(variant)], "part")
        yield from _repeated([figure.name for figure in figures], "figure")
        for part in parts.values():
            yield from _part_problems(part)
        for figure in figures:
            yield from _figure_problems(figure, parts, variant)
    names, all_parts = [figure.name for figure in study.figures(CORRECTED)], {str(part["name"]) for part in study.definitions}
    for flaw in study.flaws:
        if not flaw.spoils or not set(flaw.spoils) <= set(names):
            yield f"the flaw {flaw.words!r} spoils {', '.join(flaw.spoils) or 'nothing'}; figures: {', '.join(names)}"
    for table in study.tables:
        if table.kind not in TABLES or not set(table.parts) <= all_parts:
            yield f"the table {table.kind} of {', '.join(table.parts)} is none of {', '.join(TABLES)} of {', '.join(sorted(all_parts))}"


def _repeated(names: Sequence[str], what: str) -> Iterable[str]:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        yield f"two {what}s are called {', '.join(twice)}"


def _part_problems(part: StudyPart) -> Iterable[str]:
    if not part.backends or any(count < 1 for counts in part.backends.values() for count in counts):
        yield f"part {part.name} has no backend with worker counts above 0"
    if not set(part.variants) <= set(VARIANTS):
        yield f"part {part.name} has the variants {', '.join(part.variants)}; known: {', '.join(VARIANTS)}"
    if part.made and (part.real or not part.samples):
        yield f"part {part.name}: with made data, `real` must be empty and `samples` is needed"
    if min(part.epochs, part.least_epochs, part.epochs_step) < 1:
        yield f"part {part.name}: its epochs are not above 0"
    elif part.epochs % part.epochs_step or part.least_epochs % part.epochs_step:
        yield f"part {part.name}: its epochs are not multiples of {part.epochs_step}"
    if isinstance(part.threads, str) and part.threads != ALL_CORES:
        yield f"part {part.name}: threads {part.threads!r} are neither a number nor {ALL_CORES!r}"


def _figure_problems(figure: Figure, parts: Mapping[str, StudyPart], variant: str) -> Iterable[str]:
    if figure.kind not in KINDS:
        yield f"figure {figure.name} is of kind {figure.kind!r}; kinds: {', '.join(KINDS)}"
    if not figure.source or not figure.rows:
        yield f"figure {figure.name} has no {'source' if not figure.source else 'rows'}"
    if not set(figure.time) <= set(TIMES):
        yield f"figure {figure.name}: time {', '.join(figure.time)}; known: {', '.join(TIMES)}"
    if (figure.kind == "quality") != bool(figure.metric):
        yield f"figure {figure.name}: a quality needs `metric`, other kinds must not have it"
    for row in figure.rows:
        if row.value is None and not row.words:
            yield f"figure {figure.name}, {row.label or 'its row'}: neither a published value nor `words` with the reason"
        if (figure.kind == "speed-up") != (row.over is not None):
            yield f"figure {figure.name}: a speed-up needs `over`, other kinds must not have it"
        for side in (row.of, row.over):
            if side and variant in figure.variants:
                part = parts.get(side.part)
                if part is None or side.workers not in part.backends.get(side.backend, ()):
                    yield f"figure {figure.name} uses {side}, which {variant} does not run"
