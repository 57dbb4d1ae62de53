"""A group -> all of its charts, in the order that a reader asks: how fast, why, with what, how good."""

from __future__ import annotations

from collections.abc import Mapping

from manyhands.analysis.exchange import is_exchange
from manyhands.report.charts.chart import Chart
from manyhands.report.charts.exchange import exchange_charts
from manyhands.report.charts.forest import forest_charts
from manyhands.report.charts.learning import learning_charts
from manyhands.report.charts.models import SINGLE, model_charts
from manyhands.report.charts.phases import phase_charts
from manyhands.report.charts.scaling import scaling_charts
from manyhands.report.charts.series import legend, series, shown, typical
from manyhands.report.charts.usage import usage_charts
from manyhands.report.group_view import GroupView


def charts(view: GroupView, colours: Mapping[str, str]) -> list[Chart]:
    """Every chart that the group has values for; `colours` gives backends theirs, see `series.colours`."""
    few = shown(view.summaries)
    keys = legend(few, colours)
    launches = [(key, typical(row.cell)) for key, row in zip(keys, few, strict=True)]
    return [
        *(exchange_charts(view.group, colours) if is_exchange(view.group) else _speed(view, colours)),
        *phase_charts(view.summaries),
        *usage_charts(launches),
        *learning_charts(list(zip(keys, few, strict=True)), view.target),
        *model_charts(launches, [launches[few.index(row)] for row in shown(few, SINGLE)]),
    ]


def _speed(view: GroupView, colours: Mapping[str, str]) -> list[Chart]:
    """Every cell as a row; then the cells of a backend with several worker counts as curves."""
    by_cell = {
        time: {id(row.cell): ratio for row, ratio in zip(view.summaries, ratios, strict=True)}
        for time, ratios in view.speedups.items()
    }
    return [
        *forest_charts(view.summaries, view.speedups, view.time, colours),
        *scaling_charts(view.group, series(view.summaries, colours), by_cell, view.laws, view.time),
    ]
