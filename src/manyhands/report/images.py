"""Records -> the charts of the page as PNG and SVG files, with their titles and legends, on white."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from manyhands.analysis.scaling import Time
from manyhands.analysis.targets import QualityTarget
from manyhands.atomic_write import write_file
from manyhands.errors import RecordError
from manyhands.record import Record
from manyhands.report import formatting
from manyhands.report.charts.chart import Chart
from manyhands.report.charts.gallery import charts
from manyhands.report.charts.look import LIGHT, config, resolved
from manyhands.report.charts.series import colours
from manyhands.report.group_view import group_views
from manyhands.report.page.script import need

WIDTHS = {"full": 900, "half": 560, "small": 360}
"""Pixels of the plot itself."""
SCALE = 2
"""Pixels of a PNG for one of the plot."""


def write_images(
    records: Sequence[Record], folder: Path, time: Time = "train", target: QualityTarget | None = None
) -> list[Path]:
    """Writes two files a chart and returns them. Names are numbered, so that two groups never meet in one file.

    Raises Unavailable, with what to install, when vl-convert is missing, and RecordError when the folder cannot be written.
    """
    need("vl_convert")
    import vl_convert

    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, title, chart in _named(records, time, target):
            spec = resolved(_for_file(chart, title))
            settings = {"config": resolved(config()) | {"background": LIGHT["paper"]}}
            written += [folder / f"{name}.svg", folder / f"{name}.png"]
            write_file(written[-2], [vl_convert.vegalite_to_svg(spec, **settings).encode()])
            write_file(written[-1], [vl_convert.vegalite_to_png(spec, scale=SCALE, **settings)])
    except OSError as error:
        raise RecordError(f"cannot write images to {folder}: {error.strerror}; choose another folder with --images") from None
    return written


def _named(records: Sequence[Record], time: Time, target: QualityTarget | None) -> Iterator[tuple[str, str, Chart]]:
    """File name without suffix, title of the group, chart."""
    views = group_views(records, time, target)
    by_backend = colours([view.group for view in views])
    for place, view in enumerate(views, start=1):
        for number, chart in enumerate(charts(view, by_backend), start=1):
            yield f"{place:02}-{_slug(view.group.workload)}-{number:02}-{_slug(chart.name)}", view.title, chart


def _slug(text: str) -> str:
    """The text as part of a file name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "x"


def _for_file(chart: Chart, title: str) -> dict[str, Any]:
    """The specification with a fixed width, a title, and the legend that the page draws beside it."""
    spec = dict(chart.spec) | {
        "width": WIDTHS[chart.size],
        "title": {"text": formatting.plain(f"{title}: {chart.title}"), "offset": 14},
        "padding": 16
        if not isinstance(chart.spec.get("padding"), dict)
        else chart.spec["padding"] | {"left": 16, "top": 16, "bottom": 16},
    }
    return _with_legends(spec) if chart.legend else spec


def _with_legends(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_legends(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _with_legends(item) for key, item in value.items() if not (key == "legend" and item is None)}
