"""Records -> a report in one of the formats, as text or as a file; the suffix of a file gives its format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.atomic_write import write_file
from manyhands.errors import RecordError

if TYPE_CHECKING:
    from manyhands.analysis.history.found import History
    from manyhands.analysis.scaling import Time
    from manyhands.analysis.targets import QualityTarget
    from manyhands.record import Record

FORMATS = ("table", "html", "markdown", "csv", "json", "parquet")
WHOLE = ("csv", "json", "parquet")
"""Formats that hold all of a record."""
WITH_HISTORY = ("html", "markdown")
"""Formats that also show speed over commits."""
SUFFIXES = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".txt": "table",
}


def format_of(path: Path) -> str | None:
    """The format that the suffix stands for; None for any other suffix."""
    return SUFFIXES.get(path.suffix.lower())


def to_format(
    records: Sequence[Record],
    form: str,
    time: Time = "train",
    target: QualityTarget | None = None,
    before: str = "",
    history: History | None = None,
) -> str:
    """The report as text in one of FORMATS, all but `parquet`; `before` is the Markdown page made before.

    Raises Unavailable, with the install command, when the format needs a library that is missing.
    """
    if form == "html":
        from manyhands.report.page.build import to_html

        return to_html(records, time, target, history)
    if form == "markdown":
        from manyhands.report.markdown import to_markdown

        return to_markdown(records, time, target, before, history)
    if form == "table":
        from manyhands.report.terminal import to_text

        return to_text(records, time, target)
    from manyhands.report.csv_and_json import to_csv, to_json

    return to_csv(records) if form == "csv" else to_json(records, time)


def write_report(
    path: Path,
    form: str,
    records: Sequence[Record],
    time: Time = "train",
    target: QualityTarget | None = None,
    history: History | None = None,
) -> None:
    """Writes the report to `path`, whole or not at all. In a Markdown page that exists already, the text that people wrote is kept.

    Raises RecordError when the file cannot be written, Unavailable when the format needs a library that is missing.
    """
    try:
        if form == "parquet":
            from manyhands.report.parquet import to_parquet

            content = to_parquet(records)
        else:
            content = to_format(records, form, time, target, _before(path, form), history).encode()
        write_file(path, [content])
    except UnicodeDecodeError:
        raise RecordError(f"cannot keep the text of {path}, which is no UTF-8; choose another file") from None
    except OSError as error:
        raise RecordError(f"cannot write the report to {path}: {error.strerror}; choose another file") from None


def _before(path: Path, form: str) -> str:
    """The Markdown page that exists already, whose hand-written parts are kept; empty when there is none."""
    return path.read_text(encoding="utf-8") if form == "markdown" and path.exists() else ""
