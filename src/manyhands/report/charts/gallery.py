"""A group -> all of its charts, in the order that a reader asks: how fast, why, with what, how good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from manyhands.analysis.best_law import Choice
from manyhands.analysis.cells import Group
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import Summary
from manyhands.analysis.targets import QualityTarget
from manyhands.report.charts.chart import Chart
from manyhands.report.charts.exchange import exchange_charts
from manyhands.report.charts.learning import learning_charts
from manyhands.report.charts.models import SINGLE, model_charts
from manyhands.report.charts.phases import phase_charts
from manyhands.report.charts.scaling import scaling_charts
from manyhands.report.charts.series import legend, series, shown, typical
from manyhands.report.charts.usage import usage_charts


def charts(
    group: Group,
    summaries: Sequence[Summary],
    choices: Sequence[Choice],
    colours: Mapping[str, str],
    time: Time,
    target: QualityTarget | None = None,
) -> list[Chart]:
    """Every chart that the group has values for; `colours` gives backends theirs, see `series.colours`."""
    few = shown(summaries)
    keys = legend(few, colours)
    launches = [(key, typical(row.cell)) for key, row in zip(keys, few, strict=True)]
    return [
        *(exchange_charts(group, colours) or scaling_charts(group, series(summaries, colours), choices, time)),
        *phase_charts(summaries),
        *usage_charts(launches),
        *learning_charts(list(zip(keys, few, strict=True)), target),
        *model_charts(launches, [launches[few.index(row)] for row in shown(few, SINGLE)]),
    ]
