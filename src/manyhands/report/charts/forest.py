"""Speed-ups as rows with their 95 % intervals (a forest plot): one chart for the train phase, one for the whole run beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.ratios import Ratio
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import Summary
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, Spec, category, coloured, quantity, specification
from manyhands.report.charts.look import css
from manyhands.report.charts.series import shown
from manyhands.report.columns import Speedups

ROW = 38
"""Pixels for one cell, whose label has two lines."""
ROWS = 24
"""Rows of a chart; with more cells only the base line and the fastest cell of every backend have one."""
REACH = 2.0
"""Times beyond the outermost speed-up up to which an interval is drawn; the rest of it would flatten all others."""
TICKS = {
    2.5: (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0, 2.2, 2.4),
    20.0: (0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0),
    math.inf: (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0),
}
"""The largest factor that an axis spans -> its ticks."""
TITLES: Mapping[Time, tuple[str, str]] = {
    "train": ("forest", "Speed-up in train"),
    "wall": ("forest of the whole run", "Speed-up of the whole run"),
}
"""Time -> name and title of its chart."""
HEAD = ("cell", "workers", "threads", "launches", "speed-up", "95 % from", "95 % to")


@dataclass(frozen=True)
class _Line:
    """A row of the chart."""

    row: Summary
    ratio: Ratio | None
    """None for the base line."""

    @property
    def value(self) -> float:
        return self.ratio.value if self.ratio else 1.0

    @property
    def text(self) -> str:
        return formatting.short_interval(self.ratio) if self.ratio else "1 (base line)"

    @property
    def label(self) -> str:
        """Two lines: the cell, and its speed-up."""
        return f"{formatting.short_name(self.row.cell)}\n{self.text}"

    @property
    def bounds(self) -> tuple[float, float]:
        """The interval; the value itself without one."""
        if self.ratio is None or self.ratio.low is None or self.ratio.high is None:
            return self.value, self.value
        return self.ratio.low, self.ratio.high


def forest_charts(summaries: Sequence[Summary], speedups: Speedups, time: Time, colours: Mapping[str, str]) -> list[Chart]:
    """A chart for each time, with the same rows on the same scale, the fastest in `time` first; none without two cells to compare."""
    few = shown(summaries, ROWS)
    lines = {name: _lines(summaries, ratios, few) for name, ratios in speedups.items()}
    lines = {name: found for name, found in lines.items() if len(found) > 1}
    if time not in lines:
        return []
    order = [line.row for line in sorted(lines[time], key=lambda line: -line.value)]
    low, high = _domain([line for found in lines.values() for line in found])
    left_out = len(summaries) - len(few)
    return [_chart(name, lines[name], order, (low, high), colours, left_out) for name in TITLES if name in lines]


def _lines(summaries: Sequence[Summary], ratios: Sequence[Ratio | None], few: Sequence[Summary]) -> list[_Line]:
    kept = {id(row) for row in few}
    pairs = zip(summaries, ratios, strict=True)
    return [_Line(row, ratio) for row, ratio in pairs if id(row) in kept and (row.is_base or ratio is not None)]


def _domain(lines: Sequence[_Line]) -> tuple[float, float]:
    """The ends of the axis: all values and 1, and of the intervals as much as `REACH` allows."""
    least, most = min(1.0, *(line.value for line in lines)), max(1.0, *(line.value for line in lines))
    low = max(least / REACH, min(least, *(line.bounds[0] for line in lines)))
    high = min(most * REACH, max(most, *(line.bounds[1] for line in lines)))
    return low / 1.06, high * 1.06


def _chart(
    time: Time,
    lines: Sequence[_Line],
    order: Sequence[Summary],
    domain: tuple[float, float],
    colours: Mapping[str, str],
    left_out: int,
) -> Chart:
    name, title = TITLES[time]
    sorted_lines = [line for row in order for line in lines if line.row is row]
    keys = [Key(backend, colours.get(backend, css("base"))) for backend in dict.fromkeys(line.row.cell.backend for line in lines)]
    values = [_values(line, domain) for line in sorted_lines]
    note = "Times the base line, with 95 % intervals over launches, on a logarithmic scale. Dashed: the base line."
    note += " An arrow: the interval goes on." if any(value["cut"] for value in values) else ""
    note += f" {formatting.count(left_out, 'slower cell')} of the same engines: in the table below." if left_out else ""
    return Chart(
        name=name,
        title=title,
        words=f"{title}, a row a cell. "
        + " ".join(f"{formatting.short_name(line.row.cell)}: {line.text}." for line in sorted_lines),
        spec=specification(values, _layers(values, keys, domain), height=ROW * len(values)),
        head=HEAD,
        rows=tuple(_table_row(line) for line in sorted_lines),
        note=note,
    )


def _values(line: _Line, domain: tuple[float, float]) -> dict[str, Any]:
    (low, high), (first, last) = line.bounds, domain
    ends = [end for end, is_cut in (("low", low < first), ("high", high > last)) if is_cut]
    return {
        "label": line.label,
        "cell": formatting.full_name(line.row.cell),
        "series": line.row.cell.backend,
        "value": round(line.value, 5),
        "low": round(max(low, first), 5),
        "high": round(min(high, last), 5),
        "cut": ends,
        "text": line.text,
    }


def _layers(values: Sequence[Mapping[str, Any]], keys: Sequence[Key], domain: tuple[float, float]) -> list[Spec]:
    low, high = domain
    ticks = [tick for tick in next(found for factor, found in TICKS.items() if high <= factor * low) if low <= tick <= high]
    scale = {"type": "log", "domain": [low, high], "nice": False}
    axis = {"values": ticks, "format": "~g", "labelOverlap": "greedy"}
    rows = {"domain": False, "ticks": False, "labelPadding": 8, "labelLimit": 190, "labelLineHeight": 15, "labelOffset": -7}
    label = {"labelExpr": "split(datum.label, '\\n')", "grid": False}
    y = category("label", sort=[value["label"] for value in values], axis=rows | label)
    x = quantity("value", None, scale=scale, axis=axis)
    encoding = {"x": x, "y": y, "color": coloured(keys)}
    tooltip = [category("cell", "cell"), category("text", "speed-up")]
    base_line: Spec = {
        "data": {"values": [{"value": 1}]},
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": css("muted"), "strokeWidth": 1.2},
        "encoding": {"x": x},
    }
    whisker: Spec = {
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": encoding | {"x": x | {"field": "low"}, "x2": {"field": "high"}},
    }
    arrows = [
        _arrow(end, shape, x, encoding)
        for end, shape in (("low", "triangle-left"), ("high", "triangle-right"))
        if any(end in value["cut"] for value in values)
    ]
    point = {"type": "point", "filled": True, "size": 90, "opacity": 1, "stroke": css("paper"), "strokeWidth": 1.5}
    return [base_line, whisker, *arrows, {"mark": point, "encoding": encoding | {"tooltip": tooltip}}]


def _arrow(end: str, shape: str, x: Mapping[str, Any], encoding: Mapping[str, Any]) -> Spec:
    return {
        "transform": [{"filter": f"indexof(datum.cut, '{end}') >= 0"}],
        "mark": {"type": "point", "shape": shape, "filled": True, "size": 70, "opacity": 1},
        "encoding": dict(encoding) | {"x": dict(x) | {"field": end}},
    }


def _table_row(line: _Line) -> tuple[str, ...]:
    cell, ratio = line.row.cell, line.ratio
    low, high = (ratio.low, ratio.high) if ratio else (None, None)
    return (
        formatting.name(cell),
        str(cell.workers),
        str(cell.threads),
        str(len(cell.measured)),
        *map(formatting.format_number, (line.value, low, high)),
    )
