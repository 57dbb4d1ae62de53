"""Records -> the page. Everything that comes from a record is escaped by the template or is JSON that no HTML can end."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from manyhands.analysis.history.found import History
from manyhands.analysis.scaling import Time
from manyhands.analysis.targets import QualityTarget
from manyhands.record import Record
from manyhands.report import formatting, notes
from manyhands.report.charts.look import DARK, LIGHT, config, variables
from manyhands.report.charts.series import colours
from manyhands.report.group_view import by_workload, group_views
from manyhands.report.page.group_section import group_section, history_section
from manyhands.report.page.script import Library, policy
from manyhands.report.study.view import study_views

if TYPE_CHECKING:
    from markupsafe import Markup


def to_html(
    records: Sequence[Record], time: Time = "train", target: QualityTarget | None = None, history: History | None = None
) -> str:
    """The page; with no records one that says so. Raises Unavailable, with what to install, when a library is missing."""
    with Library() as library:
        context = _context(records, time, target) | {"history": history_section(history) if history else None}
        scripts = (library.text(), _own("page.js"))
    return _render(context | {"scripts": scripts, "policy": policy(scripts)})


def _context(records: Sequence[Record], time: Time, target: QualityTarget | None) -> dict[str, Any]:
    views = group_views(records, time, target)
    by_backend = colours([view.group for view in views])
    workloads = by_workload(views)
    machines = {repr(record.machine): record for record in records}.values()
    apart = [(formatting.plain(name), line) for name, met in workloads.items() for line in met[0].not_averaged]
    return {
        "title": f"manyhands: {_names(list(workloads))}" if records else "manyhands: no records",
        "studies": study_views(records),
        "overview": _overview(records),
        "sections": [group_section(place, view, by_backend) for place, view in enumerate(views, start=1)],
        "apart": apart,
        "machines": list(dict.fromkeys(line.removeprefix("machine: ") for record in machines if (line := notes.machine(record)))),
        "versions": notes.versions(records).removeprefix("versions: "),
        "how_to_read": notes.how_to_read(time).removeprefix("how to read: "),
    }


def _overview(records: Sequence[Record]) -> str:
    """The number of runs, how many were measured, and the dates of the first and the last."""
    if not records:
        return "No records: nothing was run."
    days = sorted(formatting.plain(record.started_at)[:10] for record in records)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    counts = {status: sum(record.status == status for record in records) for status in ("ok", "failed", "skipped")}
    said = {"ok": "measured", "failed": "failed", "skipped": "left out"}
    parts = [f"{count} {said[status]}" for status, count in counts.items() if count]
    return f"{formatting.count(len(records), 'run')}: {', '.join(parts)}, {when}"


def _names(names: Sequence[str]) -> str:
    shown = ", ".join(formatting.plain(name) for name in names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def _render(context: Mapping[str, Any]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("manyhands.report.page", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data": _data, "options": _options}
    look: dict[str, Any] = {"light": variables(LIGHT), "dark": variables(DARK), "css": _own("page.css"), "config": config()}
    return environment.get_template("page.html").render(look | dict(context))


def _data(value: Any) -> Markup:
    """JSON for a script element: no sign in it can end the element."""
    from markupsafe import Markup

    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))


def _options(text: str) -> Markup:
    """The text, escaped, with options of the command line as code that no line break cuts."""
    from markupsafe import Markup, escape

    return Markup(re.sub(r"--[a-z]+(?:-[a-z]+)*", r'<code class="option">\g<0></code>', str(escape(formatting.together(text)))))


def _own(name: str) -> str:
    return files("manyhands.report.page").joinpath(name).read_text(encoding="utf-8")
