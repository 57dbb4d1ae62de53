"""Quality against training time: every launch of the cells that are shown, a point after every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyhands.analysis.spread import finite_or_none
from manyhands.analysis.summary import Summary
from manyhands.analysis.targets import QualityTarget, is_error
from manyhands.record import Record
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, Spec, category, coloured, dashed, quantity, specification
from manyhands.report.charts.look import css

HEIGHT = 260
LAUNCHES = 5
"""Launches drawn of each cell: more hide each other."""
EPOCHS = 100
"""Epochs drawn of each launch."""
TIMES = ("epoch", "elapsed_s")


def learning_charts(cells: Sequence[tuple[Key, Summary]], target: QualityTarget | None) -> list[Chart]:
    """The metric of the target, else the first one that was scored after epochs, else the loss; none when no launch has two."""
    histories = [epoch for _, row in cells for record in row.cell.measured for epoch in record.history]
    metric = _metric(histories, target)
    if metric is None:
        return []
    keys = tuple(key for key, _ in cells)
    values = [
        point
        for key, row in cells
        for place, record in enumerate(row.cell.measured[:LAUNCHES])
        for point in _points(key, place, record, metric)
    ]
    if len({point["epoch"] for point in values}) < 2:
        return []
    name = formatting.plain(formatting.metric(metric))
    line = {
        "mark": {"type": "line", "strokeWidth": 1.8, "opacity": 0.85, "point": {"size": 28, "filled": True}},
        "encoding": {
            "x": quantity("s", "seconds of training", axis={"grid": False, "tickCount": 6}),
            "y": quantity("value", None, scale={"zero": False}, axis={"tickCount": 5}),
            "color": coloured(keys),
            "strokeDash": dashed(keys),
            "detail": {"field": "launch", "type": "nominal"},
            "tooltip": [
                category("series", "cell"),
                category("launch"),
                category("epoch"),
                quantity("s", "s"),
                quantity("value", name),
            ],
        },
    }
    layers = [line, *_aim(target)] if target and target.metric == metric else [line]
    return [
        Chart(
            name="learning",
            title=f"{name[:1].upper()}{name[1:]} against training time",
            words=formatting.plain(
                f"{name} after every epoch, a line for every launch. {' '.join(_sentence(key, values, metric) for key in keys)}"
            ),
            spec=specification(values, layers, height=HEIGHT),
            head=("cell", "launch", "epoch", "s", name),
            rows=tuple(
                (v["series"], str(v["launch"]), str(v["epoch"]), formatting.format_number(v["s"]), f"{v['value']:.5g}")
                for v in values
            ),
            legend=keys,
            note=f"{'Lower' if is_error(metric) else 'Higher'} is better. Time spent scoring is not counted.",
        )
    ]


def _metric(histories: Sequence[Mapping[str, object]], target: QualityTarget | None) -> str | None:
    met = dict.fromkeys(
        name for epoch in histories for name, value in epoch.items() if name not in TIMES and finite_or_none(value) is not None
    )
    if target and target.metric in met:
        return target.metric
    return next((name for name in met if "loss" not in name), next(iter(met), None))


def _points(key: Key, place: int, record: Record, metric: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    step = -(-len(record.history) // EPOCHS) or 1
    for epoch in record.history[step - 1 :: step]:
        value, taken = finite_or_none(epoch.get(metric)), finite_or_none(epoch.get("elapsed_s"))
        if value is not None and taken is not None:
            found.append(
                {
                    "series": key.label,
                    "launch": place + 1,
                    "epoch": str(epoch.get("epoch", "")),
                    "s": round(taken, 3),
                    "value": value,
                }
            )
    return found


def _aim(target: QualityTarget) -> list[Spec]:
    rule = {"type": "rule", "strokeDash": [5, 4], "color": css("muted")}
    return [{"data": {"values": [{"value": target.value}]}, "mark": rule, "encoding": {"y": quantity("value", None)}}]


def _sentence(key: Key, values: Sequence[Mapping[str, Any]], metric: str) -> str:
    own = [value for point in values if point["series"] == key.label and (value := finite_or_none(point["value"])) is not None]
    best = min(own, default=None) if is_error(metric) else max(own, default=None)
    return "" if best is None else f"{key.label}: at best {best:.4g}."
