"""Speed-up and efficiency against the cores used, for series with several worker counts: intervals, ideal line and fitted laws."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.best_law import Choice
from manyhands.analysis.cells import Group
from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import Time, base_line, cores, rows, throughputs
from manyhands.analysis.summary import Summary
from manyhands.record import EVERY_STEP
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, Spec, category, coloured, quantity, specification
from manyhands.report.charts.labels import spread_out
from manyhands.report.charts.look import css
from manyhands.report.charts.series import ChartSeries

CURVE = 3
"""Worker counts from which points are joined; with fewer, the rows of the forest plot show all that is known."""
HEIGHT = 300
LOGARITHMIC_FROM = 16
"""Times the fewest cores from which both axes are logarithmic."""
BANDED = 3
"""Series up to which intervals are drawn as bands as well as bars: more bands hide each other."""
APART = 0.015
"""Share of the axis between the intervals of two series at the same number of cores."""
LABELLED = 7
"""Series up to which lines carry their names; above it they would overlap."""
SAYING = 10
"""An interval whose ends are this many times apart is drawn as a bar alone: a band would only hide the rest."""
HEAD = ("series", "workers", "threads", "cores")


@dataclass(frozen=True)
class ChartPoint:
    """A cell in the chart; bounds are None without an interval."""

    series: ChartSeries
    row: Summary
    value: float
    low: float | None
    high: float | None

    @property
    def cores(self) -> int:
        return cores(self.row.cell)


def scaling_charts(
    group: Group,
    lines: Sequence[ChartSeries],
    speedups: Mapping[Time, Mapping[int, Ratio | None]],
    choices: Sequence[Choice],
    time: Time,
) -> list[Chart]:
    """Speed-up and efficiency of the series with at least `CURVE` worker counts, in train and as a whole run; none without such a series.

    `speedups`: the compared time -> identity of a cell -> its speed-up. The laws are those of `time`.
    """
    base = base_line(group)
    curves = [line for line in lines if len({row.cell.workers for row in line.rows}) >= CURVE]
    if base is None or not curves:
        return []
    laws = {time: _laws(group, curves, choices, time)}
    charts = [_pair(which, curves, ratios, cores(base), laws.get(which, []), choices) for which, ratios in speedups.items()]
    return [chart for pair in zip(*filter(None, charts), strict=True) for chart in pair]


def _pair(
    which: Time,
    curves: Sequence[ChartSeries],
    ratios: Mapping[int, Ratio | None],
    one: int,
    laws: Sequence[tuple[ChartSeries, float, float]],
    choices: Sequence[Choice],
) -> list[Chart]:
    """Speed-up and efficiency in one time; empty when it was not measured. `one`: cores of the base line."""
    points = [point for line in curves for row in line.rows if (point := _point(line, row, ratios.get(id(row.cell))))]
    if not points:
        return []
    per_core = [
        ChartPoint(p.series, p.row, p.value * one / p.cores, *(bound and bound * one / p.cores for bound in (p.low, p.high)))
        for p in points
    ]
    first, last = (extreme(point.cores for point in points) for extreme in (min, max))
    efficiency_laws = [(line, n, value * one / n) for line, n, value in laws]
    of = "" if which == "train" else " of the whole run"
    rising, level = [(first, first / one), (last, last / one)], [(first, 1.0), (last, 1.0)]
    return [
        _chart(f"speed-up{of}", "times the base line", points, rising, laws, choices),
        _chart(f"efficiency{of}", "speed-up per core", per_core, level, efficiency_laws, choices),
    ]


def _point(line: ChartSeries, row: Summary, ratio: Ratio | None) -> ChartPoint | None:
    return None if ratio is None else ChartPoint(line, row, ratio.value, ratio.low, ratio.high)


def _laws(
    group: Group, lines: Sequence[ChartSeries], choices: Sequence[Choice], time: Time
) -> list[tuple[ChartSeries, float, float]]:
    """Points of the fitted laws, in times the base line; none where the records do not say their rows."""
    base = base_line(group)
    if base is None or any(rows(record) is None for record in group.measured):
        return []
    one = statistics.geometric_mean(launch.value for launch in throughputs([base], time)[0])
    found = []
    for choice in (choice for choice in choices if choice.curve.sync == EVERY_STEP):
        curve, first, last = choice.curve, min(choice.curve.workers), max(choice.curve.workers)
        line = next((line for line in lines if _holds(line, curve.backend, curve.threads)), None)
        steps = [first * (last / first) ** (step / 24) for step in range(25)] if line else []
        found += [(line, n * curve.threads, choice.fits[0].throughput(n) / one) for n in steps if line]
    return found


def _holds(line: ChartSeries, backend: str, threads: int) -> bool:
    return all(row.cell.backend == backend and row.cell.threads == threads for row in line.rows)


def _chart(
    name: str,
    unit: str,
    points: Sequence[ChartPoint],
    ideal: Sequence[tuple[int, float]],
    laws: Sequence[tuple[ChartSeries, float, float]],
    choices: Sequence[Choice],
) -> Chart:
    lines = list({point.series.name: point.series for point in points}.values())
    keys = [*(Key(line.name, line.colour) for line in lines), Key("ideal", css("muted"))]
    ends = {max(point.cores for point in points if point.series is line) for line in lines}
    is_labelled = len(lines) <= LABELLED and len(ends) == 1
    marks = {line.name: line.shape for line in lines}
    scales = _Scales.of(points, ideal)
    values = [_values(point, scales.beside(point.cores, lines.index(point.series), len(lines))) for point in points]
    layers = [
        *_reference(ideal, scales),
        *([_band(keys, scales)] if len(lines) <= BANDED else []),
        _whiskers(keys, scales),
        *([_law(laws, keys, scales)] if laws else []),
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": _encoding(scales, keys)},
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "stroke": css("paper"), "strokeWidth": 1},
            "encoding": _encoding(scales, keys)
            | {
                "shape": category("series", scale={"domain": list(marks), "range": list(marks.values())}, legend=None),
                "tooltip": [
                    category("cell", "cell"),
                    category("text", name),
                ],
            },
        },
        *(_names(points, ideal[-1], keys, scales) if is_labelled else []),
    ]
    right = 16 + 7 * max(5, *(len(line.name) for line in lines)) if is_labelled else 12
    notes = [f"{'Bands and bars' if len(lines) <= BANDED else 'Bars'}: 95 % intervals over launches. Dashed: ideal."]
    notes += _fitted(choices) if laws else []
    table = [
        (
            point.series.name,
            str(point.row.cell.workers),
            str(point.row.cell.threads),
            str(point.cores),
            formatting.format_number(point.value),
            formatting.format_number(point.low),
            formatting.format_number(point.high),
        )
        for point in points
    ]
    return Chart(
        name=name,
        title=f"{name.capitalize()}, {unit}",
        words=f"{name.capitalize()} against cores used. " + " ".join(_sentence(line, points) for line in lines),
        spec=specification(values, layers, height=HEIGHT, padding={"left": 4, "right": min(right, 150), "top": 8, "bottom": 4}),
        head=(*HEAD, name, "95 % from", "95 % to"),
        rows=tuple(table),
        legend=() if is_labelled else tuple(keys),
        note=" ".join(notes),
    )


@dataclass(frozen=True)
class _Scales:
    """The extent of both axes."""

    cores: tuple[int, ...]
    top: float
    bottom: float
    is_logarithmic: bool

    @classmethod
    def of(cls, points: Sequence[ChartPoint], ideal: Sequence[tuple[int, float]]) -> _Scales:
        counts = tuple(sorted({point.cores for point in points}))
        best = max([point.value for point in points] + [value for _, value in ideal])
        high = max([point.high for point in points if point.high is not None] or [best])
        is_logarithmic = counts[-1] >= LOGARITHMIC_FROM * counts[0] and ideal[-1][1] > 1
        bottom = min(min(point.value for point in points), 1.0) / 1.3 if is_logarithmic else 0.0
        # An interval from two launches can be without end: it is cut, not allowed to flatten everything else.
        return cls(counts, min(1.06 * high, 1.3 * best) if high > best else 1.06 * best, bottom, is_logarithmic)

    def beside(self, count: int, place: int, series: int) -> float:
        """The place of a point on the axis: the series side by side around their number of cores, so that no interval hides another."""
        first, last = self.cores[0], self.cores[-1]
        share = APART * (place - (series - 1) / 2)
        if last >= LOGARITHMIC_FROM * first:
            return float(count * (last / first) ** share)
        return count + share * (last - first)

    @property
    def x(self) -> dict[str, Any]:
        ends = [self.cores[0], self.cores[-1]] if len(self.cores) > 1 else [self.cores[0] - 1, self.cores[0] + 1]
        axis = {"values": list(self.cores), "grid": False, "format": "d"}
        counts = self.cores[-1] >= LOGARITHMIC_FROM * self.cores[0]
        scale = {"domain": ends, "nice": False, "padding": 16} | ({"type": "log", "base": 2} if counts else {})
        return quantity("cores", "cores used (workers x threads)", axis=axis, scale=scale)

    @property
    def y(self) -> dict[str, Any]:
        scale: dict[str, Any] = {"domain": [self.bottom, self.top], "nice": False}
        axis: dict[str, Any] = {"tickCount": 5, "format": "~g"}
        if self.is_logarithmic:
            scale |= {"type": "log", "base": 2}
        return quantity("value", None, scale=scale, axis=axis)


def _encoding(scales: _Scales, keys: Sequence[Key]) -> dict[str, Any]:
    return {"x": scales.x, "y": scales.y, "color": coloured(keys)}


def _values(point: ChartPoint, drawn_at: float) -> dict[str, Any]:
    bounds = "" if point.low is None else f" [{formatting.format_number(point.low)}, {formatting.format_number(point.high)}]"
    return {
        "series": point.series.name,
        "cell": formatting.full_name(point.row.cell),
        "cores": round(drawn_at, 5),
        "value": round(point.value, 5),
        "low": None if point.low is None else round(point.low, 5),
        "high": None if point.high is None else round(point.high, 5),
        "text": f"{formatting.format_number(point.value)}{bounds}",
    }


def _reference(ideal: Sequence[tuple[int, float]], scales: _Scales) -> list[Spec]:
    values = [{"cores": n, "value": value} for n, value in ideal]
    mark = {"type": "line", "strokeDash": [5, 4], "color": css("muted"), "strokeWidth": 1.2, "opacity": 0.8}
    return [{"data": {"values": values}, "mark": mark, "encoding": {"x": scales.x, "y": scales.y}}]


def _band(keys: Sequence[Key], scales: _Scales) -> Spec:
    encoding = _encoding(scales, keys) | {"y": scales.y | {"field": "low"}, "y2": {"field": "high"}}
    return {
        "transform": [{"filter": f"isValid(datum.low) && datum.high < {SAYING} * datum.low"}],
        "mark": {"type": "area", "opacity": 0.13, "clip": True},
        "encoding": encoding,
    }


def _whiskers(keys: Sequence[Key], scales: _Scales) -> Spec:
    encoding = _encoding(scales, keys) | {"y": scales.y | {"field": "low"}, "y2": {"field": "high"}}
    return {
        "transform": [{"filter": "isValid(datum.low)"}],
        "mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.75, "clip": True},
        "encoding": encoding,
    }


def _law(laws: Sequence[tuple[ChartSeries, float, float]], keys: Sequence[Key], scales: _Scales) -> Spec:
    values = [{"series": line.name, "cores": round(n, 4), "value": round(value, 5)} for line, n, value in laws]
    mark = {"type": "line", "strokeDash": [1.5, 3], "strokeCap": "round", "strokeWidth": 2.2, "clip": True}
    return {"data": {"values": values}, "mark": mark, "encoding": _encoding(scales, keys)}


def _names(points: Sequence[ChartPoint], ideal: tuple[int, float], keys: Sequence[Key], scales: _Scales) -> list[Spec]:
    """The name of every series beside its last point, moved apart where names would lie on each other; all end at the same cores."""
    last = list({point.series.name: point for point in points}.values())
    ends = [*((point.series.name, point.value) for point in last), ("ideal", ideal[1])]
    places = spread_out([value for _, value in ends], scales.bottom, scales.top, HEIGHT, scales.is_logarithmic)
    beside = [
        {"series": name, "cores": scales.cores[-1], "value": round(place, 5)}
        for (name, _), place in zip(ends, places, strict=True)
    ]
    mark = {"type": "text", "align": "left", "fontWeight": 600, "limit": 140, "dx": 16}
    return [{"data": {"values": beside}, "mark": mark, "encoding": _encoding(scales, keys) | {"text": category("series")}}]


def _fitted(choices: Sequence[Choice]) -> list[str]:
    """The names of the laws that the dotted lines show."""
    backends: dict[str, list[str]] = {}
    for choice in (choice for choice in choices if choice.curve.sync == EVERY_STEP):
        backends.setdefault(choice.fits[0].law.name, []).append(choice.curve.backend)
    fitted = [f"{law} fitted to {', '.join(dict.fromkeys(names))}" for law, names in backends.items()]
    return [formatting.plain(f"Dotted: {'; '.join(fitted)}.")] if fitted else []


def _sentence(line: ChartSeries, points: Sequence[ChartPoint]) -> str:
    own = [point for point in points if point.series is line]
    said = ", ".join(f"{formatting.format_number(point.value)} at {point.cores}" for point in own)
    return formatting.plain(f"{line.name}: {said}.")
