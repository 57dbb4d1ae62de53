"""Speed-up and efficiency against the cores used, with 95 % intervals, the ideal line and the fitted laws."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.best_law import Choice
from manyhands.analysis.cells import Group
from manyhands.analysis.scaling import Time, base_line, cores, rows, throughputs
from manyhands.analysis.summary import Summary
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, Spec, category, coloured, quantity, specification
from manyhands.report.charts.labels import spread_out
from manyhands.report.charts.look import css
from manyhands.report.charts.series import ChartSeries

HEIGHT = 300
LOGARITHMIC_FROM = 16
"""Times the fewest cores from which both axes are logarithmic."""
BANDED = 3
"""Series up to which intervals are drawn as bands as well as bars: more bands hide each other."""
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


def scaling_charts(group: Group, lines: Sequence[ChartSeries], choices: Sequence[Choice], time: Time) -> list[Chart]:
    """Speed-up and efficiency; none without a base line and a second cell to compare."""
    base = base_line(group)
    points = [point for line in lines for row in line.rows if (point := _point(line, row))]
    if base is None or len(points) < 2:
        return []
    one = cores(base)
    per_core = [
        ChartPoint(p.series, p.row, p.value * one / p.cores, *(bound and bound * one / p.cores for bound in (p.low, p.high)))
        for p in points
    ]
    most = max(point.cores for point in points)
    ideal = {"speed-up": [(one, 1.0), (most, most / one)], "efficiency": [(one, 1.0), (most, 1.0)]}
    laws = _laws(group, lines, choices, time)
    efficiency_laws = [(line, n, value * one / n) for line, n, value in laws]
    return [
        _chart("speed-up", "times the base line", points, ideal["speed-up"], laws, choices),
        _chart("efficiency", "speed-up per core", per_core, ideal["efficiency"], efficiency_laws, choices),
    ]


def _point(line: ChartSeries, row: Summary) -> ChartPoint | None:
    if row.is_base:
        return ChartPoint(line, row, 1.0, None, None)
    if row.speedup is None:
        return None
    return ChartPoint(line, row, row.speedup.value, row.speedup.low, row.speedup.high)


def _laws(
    group: Group, lines: Sequence[ChartSeries], choices: Sequence[Choice], time: Time
) -> list[tuple[ChartSeries, float, float]]:
    """Points of the fitted laws, in times the base line; none where the records do not say their rows."""
    base = base_line(group)
    if base is None or any(rows(record) is None for record in group.measured):
        return []
    one = statistics.geometric_mean(launch.value for launch in throughputs([base], time)[0])
    found = []
    for choice in choices:
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
    is_labelled = len(lines) <= LABELLED
    marks = {line.name: line.shape for line in lines}
    values = [_values(point) for point in points]
    scales = _Scales.of(points, ideal)
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

    @property
    def x(self) -> dict[str, Any]:
        ends = [self.cores[0], self.cores[-1]] if len(self.cores) > 1 else [self.cores[0] - 1, self.cores[0] + 1]
        axis = {"values": list(self.cores), "grid": False, "format": "d"}
        counts = self.cores[-1] >= LOGARITHMIC_FROM * self.cores[0]
        scale = {"domain": ends, "nice": False, "padding": 10} | ({"type": "log", "base": 2} if counts else {})
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


def _values(point: ChartPoint) -> dict[str, Any]:
    bounds = "" if point.low is None else f" [{formatting.format_number(point.low)}, {formatting.format_number(point.high)}]"
    return {
        "series": point.series.name,
        "cell": formatting.full_name(point.row.cell),
        "cores": point.cores,
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
    """The name of every series: beside its last point, moved apart where names would lie on each other, or above it where the
    series ends before the others."""
    last = list({point.series.name: point for point in points}.values())
    ends = [(point.series.name, point.value) for point in last if point.cores == scales.cores[-1]] + [("ideal", ideal[1])]
    places = spread_out([value for _, value in ends], scales.bottom, scales.top, HEIGHT, scales.is_logarithmic)
    beside = [
        {"series": name, "cores": scales.cores[-1], "value": round(place, 5)}
        for (name, _), place in zip(ends, places, strict=True)
    ]
    above = [
        {"series": point.series.name, "cores": point.cores, "value": round(point.value, 5)}
        for point in last
        if point.cores < scales.cores[-1]
    ]
    encoding = _encoding(scales, keys) | {"text": category("series")}
    mark = {"type": "text", "align": "left", "fontWeight": 600, "limit": 140}
    layers: list[Spec] = [{"data": {"values": beside}, "mark": mark | {"dx": 10}, "encoding": encoding}]
    return [*layers, *([{"data": {"values": above}, "mark": mark | {"dx": 4, "dy": -13}, "encoding": encoding}] if above else [])]


def _fitted(choices: Sequence[Choice]) -> list[str]:
    """The names of the laws that the dotted lines show."""
    backends: dict[str, list[str]] = {}
    for choice in choices:
        backends.setdefault(choice.fits[0].law.name, []).append(choice.curve.backend)
    fitted = [f"{law} fitted to {', '.join(dict.fromkeys(names))}" for law, names in backends.items()]
    return [formatting.plain(f"Dotted: {'; '.join(fitted)}.")] if fitted else []


def _sentence(line: ChartSeries, points: Sequence[ChartPoint]) -> str:
    own = [point for point in points if point.series is line]
    said = ", ".join(f"{formatting.format_number(point.value)} at {point.cores}" for point in own)
    return formatting.plain(f"{line.name}: {said}.")
