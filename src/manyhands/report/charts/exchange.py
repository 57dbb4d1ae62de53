"""Bus bandwidth of an all-reduce against the size of its message, a line for every cell."""

from __future__ import annotations

from collections.abc import Mapping

from manyhands.analysis.cells import Group
from manyhands.analysis.exchange import messages
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart, Key, category, coloured, dashed, quantity, specification
from manyhands.report.charts.look import DASHES, css
from manyhands.report.exchange import data

HEIGHT = 300


def exchange_charts(group: Group, by_backend: Mapping[str, str]) -> list[Chart]:
    """The chart; none when no message was measured."""
    cells = [(cell, found) for cell in group.cells if (found := messages(cell))]
    if not cells:
        return []
    seen: dict[str, int] = {}
    keys = []
    for cell, _ in cells:
        place = seen[cell.backend] = seen.get(cell.backend, -1) + 1
        keys.append(Key(formatting.short_name(cell), by_backend.get(cell.backend, css("base")), DASHES[place % len(DASHES)]))
    values = [
        {
            "series": key.label,
            "bytes": message.bytes,
            "size": data(message.bytes),
            "gb": message.busbw / 1e9,
            "ms": f"{formatting.format_number(1e3 * message.seconds.mean)} ms",
        }
        for key, (_, found) in zip(keys, cells, strict=True)
        for message in found
    ]
    logarithmic = {"type": "log"}
    layer = {
        "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 36, "filled": True}},
        "encoding": {
            "x": quantity("bytes", "bytes of the message", scale=logarithmic, axis={"format": "~s", "tickCount": 8}),
            "y": quantity("gb", "GB/s on the bus", scale=logarithmic, axis={"format": "~g", "tickCount": 6}),
            "color": coloured(keys),
            "strokeDash": dashed(keys),
            "tooltip": [
                category("series", "cell"),
                category("size", "message"),
                category("ms", "time"),
                quantity("gb", "GB/s on the bus", format=".3~g"),
            ],
        },
    }
    best = [(key, max(found, key=lambda message: message.busbw)) for key, (_, found) in zip(keys, cells, strict=True)]
    told = " ".join(
        f"{key.label}: at most {formatting.format_number(top.busbw / 1e9)} GB/s, at {data(top.bytes)}." for key, top in best
    )
    return [
        Chart(
            name="exchange",
            title="Bus bandwidth of an all-reduce by message size",
            words=formatting.plain(f"Bus bandwidth against the size of the message, a line for every cell. {told}"),
            spec=specification(values, [layer], height=HEIGHT),
            head=("cell", "message", "time", "GB/s on the bus"),
            rows=tuple(
                (str(v["series"]), str(v["size"]), str(v["ms"]), formatting.format_number(float(str(v["gb"])))) for v in values
            ),
            legend=tuple(keys),
            note="Both axes are logarithmic. Small messages are all latency; where a line goes flat, the link is full.",
            size="full",
        )
    ]
