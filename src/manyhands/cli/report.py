"""`manyhands report`: record files -> tables in the terminal, a page, Markdown, CSV, JSON, Parquet, and charts as images."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from manyhands.atomic_write import same_file
from manyhands.cli.renamed import keep_old_name
from manyhands.cli.request_options import add_details
from manyhands.commits.history import history_in_report
from manyhands.errors import RecordError, UsageError
from manyhands.report.formats import FORMATS, WHOLE, WITH_HISTORY, format_of, to_format, write_report

if TYPE_CHECKING:
    from manyhands.analysis.targets import QualityTarget


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser("report", help="show records: speed-up, where the time went, cost and quality")
    parser.add_argument(
        "records",
        nargs="*",
        action="extend",
        default=[],
        type=Path,
        metavar="RECORDS",
        help="files of 'manyhands run', folders of such files, pytest-benchmark's JSON; - reads standard input",
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
        nargs="+",
        metavar=("METRIC=VALUE", ""),
        help="compare cells by their training time until a metric was met, as in --target accuracy=0.97 (default: that of the runs)",
    )
    parser.add_argument(
        "--asv",
        type=Path,
        metavar="DIR",
        help="a page or Markdown also shows speed over the commits that asv measured (default: over those of RECORDS)",
    )
    add_details(parser)
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Shows the records; exit code 0. Raises RecordError when a file cannot be read or written, or holds no record."""
    from manyhands.report.sources import load, record_files

    target, files = _target(options.target)
    given = [*options.records, *files]
    if not given:
        raise UsageError("no file of records is given; name those of 'manyhands run', as in manyhands report results/*.jsonl")
    form = options.format or (format_of(options.out) if options.out else None) or "table"
    if form == "parquet" and options.out is None:
        raise UsageError("--format parquet is not for the terminal: name a file with --out results.parquet")
    for path in (file for one in given for file in record_files(one)):
        if options.out is not None and same_file(options.out, path):
            raise UsageError(
                f"--out {options.out} is the input {path}, and a report would replace its records; choose another file"
            )
    records = load(given, with_workers=form in WHOLE)
    if options.images is not None:
        from manyhands.report.images import write_images

        written = write_images(records, options.images, options.time, target)
        print(f"{len(written)} images in {options.images}", file=sys.stderr)
    history = history_in_report(options.asv, records) if form in WITH_HISTORY else None
    if options.out is not None:
        try:
            write_report(options.out, form, records, options.time, target, history)
        except RecordError as error:
            raise RecordError(f"{error} with --out") from None
    elif form == "table":
        from manyhands.report.terminal import print_report

        print_report(records, time=options.time, target=target, details=options.details)
    else:
        sys.stdout.write(to_format(records, form, options.time, target, history=history))
    return 0


def _target(words: list[str] | None) -> tuple[QualityTarget | None, list[Path]]:
    """The target of `METRIC=VALUE`, or of its old form `METRIC VALUE`, and the files that stand behind it."""
    from manyhands.analysis.targets import QualityTarget

    if words is None:
        return None, []
    metric, separator, value = words[0].partition("=")
    shown, files = (words[0], words[1:]) if separator else (" ".join(words[:2]), words[2:])
    if not separator:
        value = words[1] if len(words) > 1 else ""
    try:
        return QualityTarget(metric, float(value)), [Path(file) for file in files]
    except ValueError:
        raise UsageError(f"--target {shown}: {value!r} is not a number; use for example --target accuracy=0.97") from None
