"""`manyhands report`: record files -> tables in the terminal, Markdown, CSV or JSON."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.errors import RecordError, UsageError

if TYPE_CHECKING:
    from manyhands.analysis.scaling import Time
    from manyhands.analysis.targets import Target
    from manyhands.record import Record

FORMATS = ("table", "markdown", "csv", "json")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser("report", help="show records: speed-up, where the time went, cost and quality")
    parser.add_argument(
        "records", nargs="+", type=Path, metavar="RECORDS", help="files of 'manyhands run', or pytest-benchmark's JSON"
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="what to make of them (default: %(default)s)")
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
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write to a file instead of the terminal")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Shows the records; exit code 0. Raises RecordError when a file cannot be read or written, or holds no record."""
    from manyhands.report.sources import load

    records, target = load(options.records), _target(options.target)
    if options.output is None and options.format == "table":
        from manyhands.report.tables import print_report

        print_report(records, time=options.time, target=target)
        return 0
    text = render(records, options.format, options.time, target)
    if options.output is None:
        sys.stdout.write(text)
    else:
        _write(options.output, text)
    return 0


def render(records: list[Record], form: str, time: Time, target: Target | None = None) -> str:
    """The report as text in one of FORMATS."""
    if form == "markdown":
        from manyhands.report.markdown import to_markdown

        return to_markdown(records, time, target)
    if form == "table":
        from manyhands.report.tables import to_text

        return to_text(records, time, target)
    from manyhands.report.flat import to_csv, to_json

    return to_csv(records) if form == "csv" else to_json(records, time)


def _target(words: list[str] | None) -> Target | None:
    from manyhands.analysis.targets import Target

    if words is None:
        return None
    metric, value = words
    try:
        return Target(metric, float(value))
    except ValueError:
        raise UsageError(
            f"--target {metric} {value}: {value!r} is not a number; use for example --target accuracy 0.97"
        ) from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RecordError(f"cannot write the report to {path}: {error.strerror}; choose another file with -o") from None
