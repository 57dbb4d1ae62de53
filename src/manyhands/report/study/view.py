"""A study and its records -> what every medium shows of it, as plain text: figures side by side, their flaws, further tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.disturbed import left_out, quiet
from manyhands.analysis.measured import Measured
from manyhands.analysis.side_by_side import FigureComparison, Line, side_by_side, study_records, variants_met
from manyhands.errors import UsageError
from manyhands.record import Record
from manyhands.report import formatting
from manyhands.report.report_table import ReportTable
from manyhands.report.study.tables import further_tables
from manyhands.studies.study import VARIANTS, Figure, Study, load_study

READ = (
    "published and measured: speed-ups stand against speed-ups, never seconds against another machine's seconds; [a, b] are 95 %"
    " intervals, of a speed-up by one model of all launches of its figure, ± is the deviation over launches, each with a seed of its own"
)


@dataclass(frozen=True)
class ShownLine:
    """One row of the table: what it is about, the published words, what each variant came to, and the change between them."""

    label: str
    published: str
    measured: tuple[str, ...]
    change: str


@dataclass(frozen=True)
class ShownFigure:
    """One published quantity with its rows, how it was measured, and what spoils it."""

    what: str
    source: str
    how: str
    lines: tuple[ShownLine, ...]
    flaws: tuple[str, ...]


@dataclass(frozen=True)
class StudyView:
    """All that a report shows of a study."""

    name: str
    title: str
    about: tuple[str, ...]
    variants: tuple[str, ...]
    figures: tuple[ShownFigure, ...]
    tables: tuple[ReportTable, ...]

    @property
    def heads(self) -> tuple[str, ...]:
        """The headings of the table of figures."""
        change = ("change by putting right",) if self.variants == VARIANTS else ()
        return ("figure", "published", *(f"{variant}, here" for variant in self.variants), *change)

    def texts(self, line: ShownLine) -> tuple[str, ...]:
        """The cells of one row, as many as there are headings."""
        change = (line.change,) if self.variants == VARIANTS else ()
        return (line.label, line.published, *line.measured, *change)


def study_views(records: Sequence[Record]) -> list[StudyView]:
    """A view of every study that the records are part of; one that this version does not know is left out."""
    views = []
    for name, own in study_records(records).items():
        try:
            study = load_study(name)
        except UsageError:  # made by another version: its records still have their tables
            continue
        views.append(_view(study, quiet(own), len(left_out(own))))
    return views


def _view(study: Study, records: Sequence[Record], disturbed: int) -> StudyView:
    variants = tuple(variants_met(records))
    how = {variant: {figure.name: figure for figure in study.figures(variant)} for variant in variants}
    shown = [
        _figure(study, comparison, variants, {variant: how[variant][comparison.figure.name] for variant in variants})
        for comparison in side_by_side(study, records)
    ]
    return StudyView(
        name=study.name,
        title=study.title,
        about=tuple(formatting.plain(line) for line in _about(study, records, variants, disturbed)),
        variants=variants,
        figures=tuple(shown),
        tables=tuple(further_tables(study, records, variants)),
    )


def _about(study: Study, records: Sequence[Record], variants: Sequence[str], disturbed: int) -> list[str]:
    lines = [study.asks, f"source: {study.source}; its machine: {study.machine}"]
    lines += _scales(study, records, variants)
    sources = dict.fromkeys(str(record.data["source"]) for record in records if record.data.get("source"))
    made = [source for source in sources if source.startswith("embedded")]
    if made:
        lines.append(f"not the published data: {', '.join(made)} stand for it, so compare directions, not digits")
    if disturbed:
        lines.append(f"left out: {formatting.count(disturbed, 'launch', 'launches')} that other programs disturbed")
    return [*lines, READ]


def _scales(study: Study, records: Sequence[Record], variants: Sequence[str]) -> list[str]:
    """The scale that the budget set for each part of each variant; a line for each variant."""
    found: dict[str, dict[str, str]] = {variant: {} for variant in variants}
    launches: dict[str, dict[str, None]] = {variant: {} for variant in variants}
    budgets: dict[str, None] = {}
    for record in records:
        about = record.study
        if about.get("budget_s"):
            budgets[_budget(about)] = None
        for use in about.get("uses", ()):
            if use.get("variant") in found and "epochs" in use and "samples" in use:
                found[use["variant"]].setdefault(str(use["part"]), _scale(use))
                if about.get("repeats"):
                    launches[use["variant"]][_share(about["repeats"], "launch", "launches")] = None
    lines = [f"budget: {' / '.join(budgets)}"] if budgets else []
    for variant in variants:
        parts = [f"{part.name} {found[variant][part.name]}" for part in study.parts(variant) if part.name in found[variant]]
        lines.append(f"scale of {variant}: {'; '.join([' / '.join(launches[variant]), *parts])}")
    return lines


def _budget(about: Mapping[str, Any]) -> str:
    spent = [f"{name} {about[key]:.0f} s" for name, key in (("pilot", "pilot_s"), ("expected", "expected_s")) if about.get(key)]
    return f"{about['budget_s']:.0f} s" + (f" ({', '.join(spent)})" if spent else "")


def _scale(use: Mapping[str, Sequence[int]]) -> str:
    epochs = [_share(use["epochs"], "epoch")] if use["epochs"][1] > 1 else []
    return ", ".join([*epochs, _share(use["samples"], "row")])


def _share(of: Sequence[int], noun: str, plural: str = "") -> str:
    here, full = of
    return formatting.count(here, noun, plural) if here == full else f"{here} of {formatting.count(full, noun, plural)}"


def _figure(study: Study, comparison: FigureComparison, variants: Sequence[str], how: Mapping[str, Figure]) -> ShownFigure:
    figure = comparison.figure
    return ShownFigure(
        what=figure.what,
        source=figure.source,
        how=_how(how) if figure.kind == "speed-up" else "",
        lines=tuple(_line(figure, line, variants) for line in comparison.lines),
        flaws=tuple(f"{flaw.words}; corrected: {flaw.instead}" for flaw in study.flaws_of(figure.name)),
    )


def _how(how: Mapping[str, Figure]) -> str:
    """The spans that a speed-up is made of, for each variant that has it."""
    said = {}
    for variant, figure in how.items():
        if variant in figure.variants:
            added = f" + {figure.plus_s:g} s, which the original's clock held" if figure.plus_s else ""
            said[variant] = " + ".join(figure.time) + added
    if len(set(said.values())) == 1:
        return f"time: {next(iter(said.values()))}"
    return "; ".join(f"time, {variant}: {text}" for variant, text in said.items())


def _line(figure: Figure, line: Line, variants: Sequence[str]) -> ShownLine:
    texts = tuple(formatting.plain(_measured(figure, line.by_variant[variant])) for variant in variants)
    label = f"{figure.what}: {line.row.label}" if line.row.label else figure.what
    return ShownLine(label, line.row.words or f"{line.row.value:g}", texts, _change(figure, line.change))


def _measured(figure: Figure, found: Measured) -> str:
    if found.value is None:
        return f"{formatting.NOT_MEASURED} ({found.note})"
    if figure.kind == "speed-up":
        text = f"{formatting.format_number(found.value)} {_bounds(found)}"
    elif figure.kind == "fetched":
        text = f"{formatting.format_number(found.value)} MB"
    else:
        decimals = 4 if abs(found.value) < 1 else 2
        spread = f" ± {found.sd:.{decimals}f}" if found.sd is not None else ""
        text = f"{found.value:.{decimals}f}{spread}{_unit(figure)}"
    return f"{text} ({found.note})" if found.note else text


def _bounds(found: Measured) -> str:
    if found.low is None or found.high is None:
        return f"[{formatting.NOT_MEASURED}]"
    return f"[{formatting.format_number(found.low, found.value)}, {formatting.format_number(found.high, found.value)}]"


def _change(figure: Figure, change: Measured | None) -> str:
    """The effect of the corrections: `x 0.85 [0.80, 0.91]` of a speed-up, `+0.0210 [0.0100, 0.0320]` of a quality."""
    if change is None:
        return formatting.NOT_MEASURED
    if change.value is None:
        return f"none ({change.note})"
    if figure.kind == "speed-up":
        return f"x {formatting.format_number(change.value)} {_bounds(change)}"
    if figure.kind == "fetched":
        return f"{change.value:+.1f} MB"
    decimals = 4 if abs(change.value) < 1 else 2
    text = f"{change.value:+.{decimals}f}{_unit(figure)}"
    if change.low is None or change.high is None:
        return text
    return f"{text} [{change.low:+.{decimals}f}, {change.high:+.{decimals}f}]"


def _unit(figure: Figure) -> str:
    return " %" if figure.metric.endswith("_percent") else ""
