"""Summaries -> the columns of the tables of a group: the first screen, cost, and where the time went. Text only, for any medium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import Time
from manyhands.analysis.spread import Estimate
from manyhands.analysis.summary import Summary, lost_in
from manyhands.analysis.targets import QualityTarget, TimeToTarget, times_to_target
from manyhands.record import PHASES, TRAIN_SPLIT
from manyhands.report import formatting

Speedups = Mapping[Time, Sequence[Ratio | None]]
"""The compared time -> the speed-up of every cell over the base line, in the order of the summaries; None without one."""
WORD = 8
"""Signs of the longest word in a heading of the first screen; a longer one is hyphenated."""


@dataclass(frozen=True)
class Column:
    """A heading (one or two lines) and one text for every cell."""

    heading: tuple[str, ...]
    texts: tuple[str, ...]
    is_number: bool = True

    @property
    def title(self) -> str:
        """The heading in one line: `effi-`, `ciency` -> `efficiency`."""
        return " ".join(self.heading).replace("- ", "")


def identity(summaries: Sequence[Summary]) -> list[Column]:
    """The columns that name the cell of a row."""
    return [
        Column(("backend",), tuple(formatting.name(row.cell) for row in summaries), is_number=False),
        Column(("workers",), tuple(str(row.cell.workers) for row in summaries)),
        Column(("threads",), tuple(str(row.cell.threads) for row in summaries)),
    ]


def first(
    summaries: Sequence[Summary], speedups: Speedups, target: QualityTarget | None = None, shares: Sequence[Column] = ()
) -> list[list[Column]]:
    """The columns of the first screen: launches, speed-up of the train phase and of the whole run, and quality.

    With a target also the time until it was met; `shares`: the share of the limit. They leave room for the identity of a cell in 80
    columns.
    """
    return [
        [
            Column(("laun-", "ches"), tuple(_runs(row) for row in summaries)),
            Column(("speed-up", "in train"), _speedups(summaries, speedups["train"], "1 (base line)")),
            Column(("speed-up of", "the whole run"), _speedups(summaries, speedups["wall"], "1")),
            *shares,
            *(_mean(metric, summaries) for metric in metrics(summaries)[:1]),
            *([_lost(summaries)] if any(lost_in(row.cell) for row in summaries) else []),
        ],
        *([_times_to(target, summaries)] if target else []),
    ]


def cost(summaries: Sequence[Summary]) -> list[list[Column]]:
    """Seconds, efficiency and serial fraction; then what a run took, and every metric of the model with its spread."""
    return [
        [
            Column(("wall s", "mean ± sd"), tuple(formatting.mean_and_sd(row.wall) for row in summaries)),
            Column(
                ("wall s", "median"), tuple(formatting.format_number(row.wall.median if row.wall else None) for row in summaries)
            ),
            Column(("train s", "mean ± sd"), tuple(formatting.mean_and_sd(row.train) for row in summaries)),
            Column(("efficiency",), tuple("1" if row.is_base else _short(row.efficiency) for row in summaries)),
            Column(("serial fraction", "(Karp-Flatt)"), tuple(_estimate(row.serial_fraction) for row in summaries)),
        ],
        [
            Column(("core", "hours"), tuple(formatting.format_number(row.core_hours) for row in summaries)),
            Column(("core-hours over", "the base line's"), tuple(map(_of_base, summaries))),
            Column(("CPU s",), tuple(formatting.format_number(row.cpu_s) for row in summaries)),
            Column(("CPU %",), tuple(formatting.whole(row.cpu_percent) for row in summaries)),
            Column(("peak", "memory"), tuple(formatting.size(row.peak_bytes) for row in summaries)),
            *(_metric(metric, summaries) for metric in metrics(summaries)),
        ],
    ]


def phases(summaries: Sequence[Summary]) -> list[list[Column]]:
    """Mean seconds in each phase, and how `train` splits, in per cent of it; then, where there are any, the parts of other phases."""
    columns = [
        Column(
            ("warm-up" if phase == "warmup" else phase,), tuple(formatting.format_number(row.phases[phase]) for row in summaries)
        )
        for phase in PHASES
    ]
    apart = any(row.train_split["synchronise"] is not None for row in summaries)
    shown = [part for part in TRAIN_SPLIT if part != "synchronise" or apart]
    split = tuple(" / ".join(formatting.percent(row.train_split[part]) for part in shown) for row in summaries)
    heading = ("compute / communicate", "/ input / synchronise") if apart else ("compute / com-", "municate / input")
    parts = [
        (("fetch", "in load"), [formatting.format_number(row.fetch_s) for row in summaries]),
        (("fetched by", "a worker"), [formatting.size(row.fetched_bytes) for row in summaries]),
        (("iterations", "in train"), [formatting.whole(row.iterations) for row in summaries]),
        (("predict", "in evaluate"), [formatting.format_number(row.predict_s) for row in summaries]),
    ]
    inside = [Column(heading, tuple(texts)) for heading, texts in parts if set(texts) != {formatting.NOT_MEASURED}]
    return [[*columns, Column(heading, split)], *([inside] if inside else [])]


def metrics(summaries: Sequence[Summary]) -> list[str]:
    """The metrics that get a column: all but the naive forecast's, which is the same for every cell."""
    found = dict.fromkeys(metric for row in summaries for metric in row.quality)
    return [metric for metric in found if not metric.startswith("naive_")]


def _metric(metric: str, summaries: Sequence[Summary]) -> Column:
    heading = formatting.plain(formatting.metric(metric))
    lines = tuple(heading.split(" ", 1)) if len(heading) > 8 else (heading,)
    return Column(lines, tuple(formatting.score(row.quality.get(metric)) for row in summaries))


def _mean(metric: str, summaries: Sequence[Summary]) -> Column:
    """The mean of a metric."""
    texts = tuple(formatting.score_mean(row.quality.get(metric)) for row in summaries)
    return Column(_narrow(formatting.plain(formatting.metric(metric))), texts)


def _lost(summaries: Sequence[Summary]) -> Column:
    """The epoch from which on the loss of a cell is NaN or infinite."""
    epochs = (min(lost_in(row.cell), default=None) for row in summaries)
    return Column(("loss is no", "number"), tuple(formatting.NOT_MEASURED if one is None else f"epoch {one}" for one in epochs))


def _narrow(heading: str) -> tuple[str, ...]:
    """The heading on two lines when it has several words, or one that is too long."""
    if " " in heading or len(heading) <= WORD:
        return tuple(heading.split(" ", 1))
    return f"{heading[: WORD - 1]}-", heading[WORD - 1 :]


def _times_to(target: QualityTarget, summaries: Sequence[Summary]) -> list[Column]:
    until = formatting.plain(f"{formatting.metric(target.metric)} {target.value:g}")
    base = next((row.cell for row in summaries if row.is_base), None)
    found = times_to_target([row.cell for row in summaries], base, target)
    sooner = [
        "1 (base line)" if row.is_base and one.reached else _estimate(one.speedup)
        for row, one in zip(summaries, found, strict=True)
    ]
    return [Column(("train s until", until), tuple(map(_reached, found))), Column(("times sooner", until), tuple(sooner))]


def _reached(found: TimeToTarget) -> str:
    return (
        f"{formatting.mean_and_sd(found.seconds)} ({found.reached} of {found.scored})"
        if found.scored
        else formatting.NOT_MEASURED
    )


def _estimate(value: Estimate | Ratio | None) -> str:
    return formatting.interval(value) if value else formatting.NOT_MEASURED


def _short(value: Estimate | Ratio | None) -> str:
    return formatting.short_interval(value) if value else formatting.NOT_MEASURED


def _of_base(row: Summary) -> str:
    """The core-hours over those of the base line, whose own are 1; a dash where they were not measured."""
    return "1" if row.is_base and row.core_hours is not None else _short(row.core_hours_ratio)


def _runs(row: Summary) -> str:
    measured, made = len(row.cell.measured), len(row.cell.records)
    return str(measured) if measured == made else f"{measured} of {made}"


def _speedups(summaries: Sequence[Summary], ratios: Sequence[Ratio | None], base: str) -> tuple[str, ...]:
    texts = map(_short, ratios)
    return tuple(base if row.is_base else text for row, text in zip(summaries, texts, strict=True))
