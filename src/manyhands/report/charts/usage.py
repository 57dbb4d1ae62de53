"""Cores busy and memory over time, of one typical launch of every cell that is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.spread import finite_or_none
from manyhands.record import Record
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, category, coloured, dashed, quantity, specification

POINTS = 60
"""Samples kept of a launch: as many as a chart can show."""
HEIGHT = 200
NOTE = "The whole process tree of one launch a cell, the one with the median training time."


@dataclass(frozen=True)
class Moment:
    """The resources in use at one moment: seconds since the start, cores busy since the moment before, bytes."""

    s: float
    cores: float
    memory: float


def usage_charts(launches: Sequence[tuple[Key, Record]]) -> list[Chart]:
    """Processor and memory; none without samples."""
    runs = [(key, found) for key, record in launches if (found := moments(record))]
    if not runs:
        return []
    processor = _chart(
        "cpu", "Cores busy over time", "cores busy", [(key, [(m.s, m.cores) for m in found]) for key, found in runs]
    )
    memory = _chart("memory", "Memory over time", "GB", [(key, [(m.s, m.memory / 1e9) for m in found]) for key, found in runs])
    return [processor, memory]


def moments(record: Record, points: int = POINTS) -> list[Moment]:
    """The samples of a run, thinned: cores are a mean over each gap, memory is the most in it, so that no peak is lost."""
    samples = [clean for sample in record.resources.get("samples") or () if (clean := _clean(sample))]
    if len(samples) < 2:
        return []
    step = -(-len(samples) // points)
    found, before = [], (0.0, 0.0)
    for first in range(0, len(samples), step):
        part = samples[first : first + step]
        (start, used), (s, cpu_s, _) = before, part[-1]
        # Not below 0: in records of version 0.1.0 the sum is over living processes, and falls when one of them ends.
        cores = max(0.0, cpu_s - used) / (s - start) if s > start else 0.0
        found.append(Moment(round(s, 2), round(cores, 3), max(memory for _, _, memory in part)))
        before = (s, cpu_s)
    return found


def _clean(sample: object) -> tuple[float, float, float] | None:
    if not isinstance(sample, list | tuple) or len(sample) != 3:
        return None
    values = [finite_or_none(value) for value in sample]
    return None if None in values else (values[0] or 0.0, values[1] or 0.0, values[2] or 0.0)


def _chart(name: str, title: str, unit: str, runs: Sequence[tuple[Key, Sequence[tuple[float, float]]]]) -> Chart:
    keys = tuple(key for key, _ in runs)
    values = [{"series": key.label, "s": s, "value": round(value, 4)} for key, points in runs for s, value in points]
    layer = {
        "mark": {"type": "line", "strokeWidth": 1.8, "interpolate": "step-before" if name == "cpu" else "linear"},
        "encoding": {
            "x": quantity("s", "seconds since the start", scale={"nice": False}, axis={"grid": False, "tickCount": 6}),
            "y": quantity("value", unit, scale={"zero": True}, axis={"tickCount": 4}),
            "color": coloured(keys),
            "strokeDash": dashed(keys),
            "tooltip": [category("series", "cell"), quantity("s", "s"), quantity("value", unit)],
        },
    }
    said = [f"{key.label}: at most {formatting.format_number(max(value for _, value in points))} {unit}." for key, points in runs]
    return Chart(
        name=name,
        title=title,
        words=formatting.plain(f"{title}. {' '.join(said)}"),
        spec=specification(values, [layer], height=HEIGHT),
        head=("cell", "s", unit),
        rows=tuple(
            (key.label, formatting.format_number(s), formatting.format_number(value))
            for key, points in runs
            for s, value in points
        ),
        legend=keys,
        note=NOTE,
    )
