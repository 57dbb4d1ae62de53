"""`manyhands report`: record files -> tables in the terminal, a page, Markdown, CSV, JSON, Parquet, and charts as images."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.cli.renamed import keep_old_name
from manyhands.errors import RecordError, UsageError

if TYPE_CHECKING:
    from manyhands.analysis.history.found import History
    from manyhands.analysis.scaling import Time
    from manyhands.analysis.targets import QualityTarget
    from manyhands.record import Record

FORMATS = ("table", "html", "markdown", "csv", "json", "parquet")
WHOLE = ("csv", "json", "parquet")
"""Formats that hold all of a record."""
SUFFIXES = {
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
}


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser("report", help="show records: speed-up, where the time went, cost and quality")
    parser.add_argument(
        "records", nargs="+", type=Path, metavar="RECORDS", help="files of 'manyhands run', or pytest-benchmark's JSON"
    )
    out = parser.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help="write to FILE; its suffix gives the format, such as report.html for a page",
    )
    keep_old_name(parser, "--output", out)
    parser.add_argument("--format", choices=FORMATS, help="format of the report (default: by the suffix of FILE, else a table)")
    parser.add_argument("--images", type=Path, metavar="DIR", help="also write the charts of the page to DIR, as PNG and SVG")
    parser.add_argument(
        "--time",
        choices=("train", "wall"),
        default="train",
        help="compare the train phase or the whole run (default: %(default)s)",
    )
    parser.add_argument(
        "--target",
        nargs=2,
        metavar=("METRIC", "VALUE"),
        help="also show the time until a metric was met, as in --target accuracy 0.97",
    )
    parser.add_argument(
        "--asv",
        type=Path,
        metavar="DIR",
        help="a page or Markdown also shows speed over the commits that asv measured (default: over those of RECORDS)",
    )
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Shows the records; exit code 0. Raises RecordError when a file cannot be read or written, or holds no record."""
    from manyhands.report.sources import load

    form = options.format or _by_suffix(options.out)
    if form == "parquet" and options.out is None:
        raise UsageError("--format parquet is not for the terminal: name a file with --out results.parquet")
    records, target = load(options.records, with_workers=form in WHOLE), _target(options.target)
    if options.images is not None:
        from manyhands.report.images import write_images

        written = write_images(records, options.images, options.time, target)
        print(f"{len(written)} images in {options.images}", file=sys.stderr)
    if options.out is not None:
        _write(options.out, form, records, options.time, target, _history(options.asv, records, form))
    elif form == "table":
        from manyhands.report.terminal import print_report

        print_report(records, time=options.time, target=target)
    else:
        sys.stdout.write(render(records, form, options.time, target, history=_history(options.asv, records, form)))
    return 0


def render(
    records: list[Record],
    form: str,
    time: Time,
    target: QualityTarget | None = None,
    before: str = "",
    history: History | None = None,
) -> str:
    """The report as text in one of FORMATS, all but `parquet`; `before` is the Markdown page made before."""
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


def _by_suffix(path: Path | None) -> str:
    return SUFFIXES.get(path.suffix.lower(), "table") if path else "table"


def _target(words: list[str] | None) -> QualityTarget | None:
    from manyhands.analysis.targets import QualityTarget

    if words is None:
        return None
    metric, value = words
    try:
        return QualityTarget(metric, float(value))
    except ValueError:
        raise UsageError(
            f"--target {metric} {value}: {value!r} is not a number; use for example --target accuracy 0.97"
        ) from None


def _history(asv: Path | None, records: list[Record], form: str) -> History | None:
    """Speed over commits, for the formats that show it; None when all records are of one commit and no results of asv are given."""
    from manyhands.cli.history import DRIFT, over_commits

    if form not in ("html", "markdown") or (not asv and find_spec("ruptures") is None):
        return None
    commits = {record.code.get("commit") for record in records if record.ok and not record.code.get("dirty")}
    return over_commits(asv, records, DRIFT) if asv or len(commits) > 1 else None


def _before(path: Path, form: str) -> str:
    """The Markdown page that exists already, whose hand-written parts are kept; empty when there is none."""
    return path.read_text(encoding="utf-8") if form == "markdown" and path.exists() else ""


def _write(
    path: Path, form: str, records: list[Record], time: Time, target: QualityTarget | None, history: History | None
) -> None:
    try:
        if form == "parquet":
            from manyhands.report.parquet import write_parquet

            write_parquet(records, path)
        else:
            path.write_text(render(records, form, time, target, _before(path, form), history), encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot write the report to {path}: {error.strerror}; choose another file with --out") from None
