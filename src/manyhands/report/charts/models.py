"""Charts of the trained models of the shown cells: confusion matrices, ROC curves, clusters in the plane.

From `quality` of one typical launch a cell: `confusion_matrix` (a row for each true class), `roc_curve` (`false_positive`,
`true_positive`), `scatter` (`x`, `y`, `cluster`, lists of one length, and `columns`, the names of both axes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyhands.analysis.spread import finite_or_none
from manyhands.record import Record
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, category, coloured, dashed, quantity, specification
from manyhands.report.charts.look import SERIES, SHAPES, css

SINGLE = 4
"""Cells whose confusion matrix and clusters are drawn."""
CLASSES = 30
"""Classes up to which a matrix can be drawn."""
NUMBERED = 12
"""Classes up to which every field of a matrix carries its count."""
DOTS = 600
AVERAGES = ("accuracy", "micro avg", "macro avg", "weighted avg")


def model_charts(launches: Sequence[tuple[Key, Record]], few: Sequence[tuple[Key, Record]]) -> list[Chart]:
    """Every chart that the launches have values for; what fills a chart alone, for the `few` of them."""
    matrices = [chart for key, record in few if (chart := _matrix(key, record))]
    scatters = [chart for key, record in few if (chart := _scatter(key, record))]
    return [*matrices, *_roc(launches), *scatters]


def _matrix(key: Key, record: Record) -> Chart | None:
    counts = _table(record.quality.get("confusion_matrix"))
    if not counts:
        return None
    names = _classes(record.quality, len(counts))
    values = [
        {"true": names[i], "told": names[j], "count": int(count), "share": round(count / (sum(line) or 1), 4)}
        for i, line in enumerate(counts)
        for j, count in enumerate(line)
    ]
    axis = {"labelAngle": 0, "labelLimit": 90, "domain": False, "ticks": False}
    place = {
        "x": category("told", "predicted", sort=names, axis=axis, scale={"padding": 0.04}),
        "y": category("true", "true", sort=names, axis=axis, scale={"padding": 0.04}),
    }
    shade = quantity("share", None, scale={"domain": [0, 1], "range": [0.04, 1]}, legend=None)
    tip = [
        category("true"),
        category("told", "predicted"),
        quantity("count", "rows"),
        quantity("share", "share of true", format=".1%"),
    ]
    layers: list[dict[str, Any]] = [
        {"mark": {"type": "rect", "color": css("series-1")}, "encoding": {**place, "fillOpacity": shade, "tooltip": tip}}
    ]
    if len(counts) <= NUMBERED:
        ink = {"condition": {"test": "datum.share > 0.5", "value": css("paper")}, "value": css("ink")}
        text = {"type": "text", "fontSize": 11 if len(counts) > 5 else 14}
        layers.append({"mark": text, "encoding": {**place, "text": quantity("count", None), "color": ink}})
    right, whole = sum(line[i] for i, line in enumerate(counts)), sum(map(sum, counts))
    return Chart(
        name=f"confusion {key.label}",
        title=f"Confusion matrix: {key.label}",
        words=formatting.plain(
            f"Confusion matrix of {key.label}: {right:.0f} of {whole:.0f} rows in their true class. {_worst(values)}"
        ),
        spec=specification(values, layers, height=300),
        head=("true \\ predicted", *names),
        rows=tuple((name, *(f"{count:.0f}" for count in line)) for name, line in zip(names, counts, strict=True)),
        note="Held-out rows of one launch; the shade is the share of the true class.",
        size="small" if len(counts) <= 5 else "half",
    )


def _worst(values: Sequence[Mapping[str, Any]]) -> str:
    wrong = [value for value in values if value["true"] != value["told"] and value["count"]]
    worst = max(wrong, key=lambda value: value["count"], default=None)
    return f"Most often wrong: {worst['true']} taken for {worst['told']}, {worst['count']} times." if worst else ""


def _classes(quality: Mapping[str, Any], count: int) -> list[str]:
    """The names of the classes as the classification report has them, else their numbers."""
    report = quality.get("classification_report")
    names = [formatting.plain(name) for name in report if name not in AVERAGES] if isinstance(report, Mapping) else []
    return names if len(names) == count == len(set(names)) else [str(place) for place in range(count)]


def _table(value: Any) -> list[list[float]]:
    """The matrix when it is square and all of it numbers, else nothing."""
    if not isinstance(value, list | tuple) or not 2 <= len(value) <= CLASSES:
        return []
    lines = [[finite_or_none(item) for item in line] if isinstance(line, list | tuple) else [] for line in value]
    clean = [[item for item in line if item is not None and item >= 0] for line in lines]
    return clean if all(len(line) == len(value) for line in clean) else []


def _roc(launches: Sequence[tuple[Key, Record]]) -> list[Chart]:
    curves = [
        (key, record, points)
        for key, record in launches
        if (points := _pairs(record.quality.get("roc_curve"), "false_positive", "true_positive"))
    ]
    if not curves:
        return []
    keys = tuple(key for key, _, _ in curves)
    values = [{"series": key.label, "x": x, "y": y, "place": i} for key, _, points in curves for i, (x, y) in enumerate(points)]
    share = {"scale": {"domain": [0, 1]}, "axis": {"tickCount": 5, "format": ".0%"}}
    place = {"x": quantity("x", "false positives", **share), "y": quantity("y", "true positives", **share)}
    chance = {"type": "line", "strokeDash": [5, 4], "color": css("muted"), "strokeWidth": 1.2}
    curve = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {**place, "color": coloured(keys), "strokeDash": dashed(keys), "order": quantity("place", None)},
    }
    layers = [{"data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}, "mark": chance, "encoding": place}, curve]
    areas = [
        f"{key.label}: area {area:.4f}."
        for key, record, _ in curves
        if (area := finite_or_none(record.quality.get("roc_auc"))) is not None
    ]
    return [
        Chart(
            name="roc",
            title="ROC curves",
            words=formatting.plain(f"True positives against false positives over all thresholds. {' '.join(areas)}"),
            spec=specification(values, layers, height=300),
            head=("cell", "false positives", "true positives"),
            rows=tuple((key.label, f"{x:.4f}", f"{y:.4f}") for key, _, points in curves for x, y in points),
            legend=keys,
            note=" ".join(["Held-out rows of one launch. Dashed grey: chance.", *areas]),
        )
    ]


def _pairs(value: Any, first: str, second: str) -> list[tuple[float, float]]:
    if not isinstance(value, Mapping):
        return []
    columns = [column if isinstance(column := value.get(name), list | tuple) else [] for name in (first, second)]
    pairs = [(finite_or_none(x), finite_or_none(y)) for x, y in zip(*columns, strict=False)]
    return [(x, y) for x, y in pairs if x is not None and y is not None]


def _scatter(key: Key, record: Record) -> Chart | None:
    held = record.quality.get("scatter")
    dots = _pairs(held, "x", "y")
    if not dots or not isinstance(held, Mapping) or not isinstance(held.get("cluster"), list | tuple):
        return None
    clusters = [formatting.plain(name) for name in held["cluster"]]
    if len(clusters) < len(dots):
        return None
    names = sorted(set(clusters), key=lambda name: (len(name), name))
    columns = held.get("columns")
    axes = [formatting.plain(name) for name in columns] if isinstance(columns, list | tuple) and len(columns) == 2 else ["x", "y"]
    step = -(-len(dots) // DOTS)
    values = [{"series": name, "x": x, "y": y} for name, (x, y) in list(zip(clusters, dots, strict=False))[::step]]
    keys = [Key(name, css(f"series-{place % SERIES + 1}")) for place, name in enumerate(names)]
    shape = category(
        "series", scale={"domain": names, "range": [SHAPES[i % len(SHAPES)] for i in range(len(names))]}, legend=None
    )
    layer = {
        "mark": {"type": "point", "filled": True, "size": 22, "opacity": 0.75},
        "encoding": {
            "x": quantity("x", axes[0], scale={"zero": False}),
            "y": quantity("y", axes[1], scale={"zero": False}),
            "color": coloured(keys),
            "shape": shape,
            "tooltip": [category("series", "cluster"), quantity("x", axes[0]), quantity("y", axes[1])],
        },
    }
    members = {name: [dot for own, dot in zip(clusters, dots, strict=False) if own == name] for name in names}
    rows = tuple(
        (
            name,
            str(len(own)),
            formatting.format_number(sum(x for x, _ in own) / len(own)),
            formatting.format_number(sum(y for _, y in own) / len(own)),
        )
        for name, own in members.items()
    )
    return Chart(
        name=f"clusters {key.label}",
        title=f"Clusters: {key.label}",
        words=formatting.plain(f"{len(dots)} rows of {key.label} in {len(names)} clusters over {axes[0]} and {axes[1]}."),
        spec=specification(values, [layer], height=300),
        head=("cluster", "rows", f"mean {axes[0]}", f"mean {axes[1]}"),
        rows=rows,
        note="Rows of one launch, in the two columns named at the axes.",
    )
