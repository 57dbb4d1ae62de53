"""One benchmark over commits: its value at each, and where its level changed."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.analysis.history.change_points import ChangePoint
from manyhands.analysis.history.found import History
from manyhands.analysis.history.series import CommitSeries
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Spec, category, quantity, specification
from manyhands.report.charts.look import css
from manyhands.report.history import confidence

HEIGHT = 200
MOST = 12
"""Charts on a page; benchmarks that changed come first."""
SHORT = 7
"""Signs of a commit that stand below the axis."""


def history_charts(found: History) -> list[Chart]:
    """A chart for each benchmark that was measured at two commits or more, those that changed first."""
    changed = {change.series for change in found.changes}
    shown = sorted((one for one in found.series if len(one.points) > 1), key=lambda one: one.name not in changed)
    return [_chart(one, [change for change in found.changes if change.series == one.name]) for one in shown[:MOST]]


def _chart(series: CommitSeries, changes: Sequence[ChangePoint]) -> Chart:
    name = formatting.plain(series.name)
    places = {point.commit: number for number, point in enumerate(series.points, start=1)}
    values = [
        {"place": places[point.commit], "commit": point.commit[:SHORT], "value": point.value, "launches": point.launches}
        for point in series.points
    ]
    measured: Spec = {
        "mark": {"type": "line", "strokeWidth": 1.8, "color": css("series-1"), "point": {"size": 30, "filled": True}},
        "encoding": {
            "x": quantity(
                "place", "commits, oldest first", axis={"grid": False, "tickMinStep": 1, "format": "d"}, scale={"zero": False}
            ),
            "y": quantity("value", series.unit or None, scale={"zero": False}, axis={"tickCount": 5}),
            "tooltip": [category("commit"), quantity("value", series.unit or "value"), category("launches")],
        },
    }
    breaks: Spec = {
        "data": {"values": [{"at": places[change.by] - 0.5} for change in changes]},
        "mark": {"type": "rule", "strokeDash": [5, 4], "color": css("muted")},
        "encoding": {"x": quantity("at", "commits, oldest first")},
    }
    told = [
        f"{change.after[:SHORT]}..{change.by[:SHORT]}: {100 * (change.shift.ratio - 1):+.1f} %, confidence"
        f" {confidence(change.shift.confidence)}"
        for change in changes
    ]
    return Chart(
        name="history",
        title=name,
        words=formatting.plain(f"{name} over {len(values)} commits. {'; '.join(told) or 'No lasting change'}."),
        spec=specification(values, [measured, breaks] if changes else [measured], height=HEIGHT),
        head=("commit", "value", "launches"),
        rows=tuple((str(value["commit"]), f"{value['value']:.5g}", str(value["launches"])) for value in values),
        note="; ".join(told) or "No lasting change.",
    )
