"""The time of every cell: its phases, `train` split where that was measured, stacked in the order they happen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from manyhands.analysis.summary import Summary
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, category, coloured, quantity, specification
from manyhands.report.charts.look import css

PARTS = {
    "launch": "launch",
    "load": "load",
    "warmup": "warm-up",
    "compute": "compute",
    "communicate": "wait for others",
    "input": "wait for input",
    "synchronise": "compress, average",
    "train": "rest of train",
    "yardstick": "yardstick",
    "evaluate": "evaluate",
    "save": "save",
    "teardown": "teardown",
}
"""Phase or part of `train` -> its name in the legend."""
ROW = 26
"""Pixels for one cell."""
NOTICED = 0.005
"""Share of a cell's time below which the rest of `train` is only rounding."""


def phase_charts(summaries: Sequence[Summary]) -> list[Chart]:
    """One bar a cell; none when no phase was measured."""
    bars = {formatting.short_name(row.cell): dict(_parts(row)) for row in summaries}
    bars = {name: parts for name, parts in bars.items() if parts}
    if not bars:
        return []
    met = [part for part in PARTS if any(part in parts for parts in bars.values())]
    keys = [Key(PARTS[part], css(f"phase-{part}")) for part in met]
    values = [
        {
            "cell": cell,
            "series": PARTS[part],
            "place": met.index(part),
            "s": round(seconds, 4),
            "text": f"{formatting.format_number(seconds)} s",
        }
        for cell, parts in bars.items()
        for part, seconds in parts.items()
    ]
    layer = {
        "mark": {"type": "bar", "height": {"band": 0.72}, "stroke": css("paper"), "strokeWidth": 0.75},
        "encoding": {
            "y": category("cell", sort=list(bars), axis={"labelLimit": 160, "domain": False, "ticks": False, "labelPadding": 8}),
            "x": quantity("s", "mean seconds", stack="zero", axis={"tickCount": 6}),
            "color": coloured(keys),
            "order": {"field": "place", "type": "quantitative"},
            "tooltip": [category("cell", "cell"), category("series", "phase"), category("text", "mean")],
        },
    }
    table = [
        (cell, *(formatting.format_number(parts.get(part)) for part in met), formatting.format_number(sum(parts.values())))
        for cell, parts in bars.items()
    ]
    return [
        Chart(
            name="phases",
            title="Where the time went",
            words="Mean seconds of every phase, one bar a cell. "
            + " ".join(_sentence(cell, parts) for cell, parts in bars.items()),
            spec=specification(values, [layer], height=ROW * len(bars)),
            head=("cell", *(PARTS[part] for part in met), "sum"),
            rows=tuple(table),
            legend=tuple(keys),
            note="Mean over launches, of the slowest worker. Wait for others: communication that compute did not hide.",
            size="full",
        )
    ]


def _parts(row: Summary) -> Iterator[tuple[str, float]]:
    """Part -> mean seconds, in order; `train` stands for what its parts leave over."""
    for phase, taken in row.phases.items():
        if phase != "train" or taken is None:
            if taken is not None:
                yield phase, taken
            continue
        split = {part: share * taken for part, share in row.train_split.items() if share is not None}
        yield from split.items()
        rest = taken - sum(split.values())
        if not split or rest > NOTICED * taken:
            yield "train", max(rest, 0.0)


def _sentence(cell: str, parts: dict[str, float]) -> str:
    whole = sum(parts.values())
    largest = max(parts, key=lambda part: parts[part])
    share = f", {100 * parts[largest] / whole:.0f} % of it {PARTS[largest]}" if whole else ""
    return formatting.plain(f"{cell}: {formatting.format_number(whole)} s{share}.")
