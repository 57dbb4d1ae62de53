"""`manyhands compare`: two commits -> slower, faster, same or undecided, with known error rates."""

from __future__ import annotations

import argparse
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.atomic_write import write_file
from manyhands.cli.compare_options import add_cell_options, add_verdict_options, announce, chosen, limits
from manyhands.cli.renamed import keep_old_name
from manyhands.errors import UsageError

if TYPE_CHECKING:
    from manyhands.analysis.verdicts.results import CellResult
    from manyhands.commits.revisions import Revision
    from manyhands.plan import RunSpec

FORMATS = ("table", "markdown", "json")
COULD_NOT_MEASURE = 4


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "compare",
        help="compare two commits: did training become slower?",
        description="Launches both commits in turn (ABBA), each from a git worktree, and reports for every cell whether HEAD is slower,"
        " faster or the same in time, CPU time, peak memory and quality. A cell that looks slower is launched again before it is"
        " reported as slower. Options that are not given are those of [tool.manyhands] in the pyproject.toml of the working tree, for"
        " both commits.",
        epilog="Exit codes: 0 nothing is slower, 1 something is slower, 2 invalid command, 3 something is undecided, 4 something could"
        " not be measured.",
    )
    parser.add_argument("base", metavar="BASE", help="a commit, tag or branch")
    parser.add_argument(
        "head", nargs="?", metavar="HEAD", help="a commit, tag or branch (default: the working tree, with its changes)"
    )
    add_cell_options(parser, "lstm,cnn in the repository of manyhands")
    what = parser.add_argument_group("instead of cells")
    micro = what.add_argument(
        "--microbenchmarks",
        dest="micro",
        metavar="EXPRESSION",
        help="compare the benchmarks of benchmarks/pytest_suite that pytest -k EXPRESSION selects",
    )
    keep_old_name(what, "--micro", micro)
    what.add_argument(
        "--count-instructions",
        action="store_true",
        help="compare the instructions of the functions in benchmarks/counted.py, counted by valgrind, to 0.5%%",
    )
    add_verdict_options(parser)
    shown = parser.add_argument_group("output")
    shown.add_argument("--format", choices=FORMATS, default="table", help="format of the printed result (default: %(default)s)")
    shown.add_argument(
        "-o",
        "--out",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="also write the result to FILE: a summary (.md), or everything with every launch (.json); can be given twice",
    )
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Measures and prints; the exit code of the comparison, 130 when it was interrupted."""
    try:
        return compare(options)
    except KeyboardInterrupt:
        print("\ninterrupted; unfinished cells have no verdict", file=sys.stderr)
        return 130


def compare(options: argparse.Namespace) -> int:
    """Does the work of `call`; KeyboardInterrupt passes through."""
    from manyhands.analysis.verdicts.error_rates import load
    from manyhands.commits.compare import check_time, compare_commits
    from manyhands.commits.rates_cache import rates_file
    from manyhands.commits.revisions import CannotMeasure
    from manyhands.machine import describe_machine
    from manyhands.report import comparison

    if options.micro is not None and options.count_instructions:
        raise UsageError("--microbenchmarks and --count-instructions are two comparisons; give only one of them")
    if options.micro is not None and "time" not in options.metrics:
        raise UsageError("micro-benchmarks have only the metric time: leave out --metrics")
    if not options.count_instructions:
        check_time(options.max_time)
    check_files(options.out)
    rates = load(rates_file(describe_machine()))
    try:
        cells = [] if options.micro is not None or options.count_instructions else chosen(options)
        found = compare_commits(
            options.base,
            options.head,
            lambda revisions: measured(revisions, cells, options),
            lambda verdicts: limits(options, verdicts),
            announce,
            len(cells) * len(options.metrics),
        )
    except CannotMeasure as problem:
        print(f"manyhands: could not measure: {problem}", file=sys.stderr)
        return nothing_measured(options, str(problem))
    except (UsageError, KeyboardInterrupt):
        raise
    except Exception as mistake:  # exit code 1 would mean that something is slower
        traceback.print_exc()
        return nothing_measured(options, f"{type(mistake).__name__}: {mistake}")
    for file in options.out:
        write(file, comparison.to_json(found, rates) if file.suffix == ".json" else comparison.to_markdown(found, rates))
    if options.format == "table":
        from manyhands.report.terminal import print_comparison

        print_comparison(found, rates)
    else:
        sys.stdout.write(
            comparison.to_markdown(found, rates) if options.format == "markdown" else comparison.to_json(found, rates)
        )
    return found.exit_code


def nothing_measured(options: argparse.Namespace, reason: str) -> int:
    """Writes the reason to the files of `--out`, so that results of an earlier comparison are not mistaken for this one."""
    answer = json.dumps({"exit_code": COULD_NOT_MEASURE, "reason": reason, "cells": []})
    for file in options.out:
        write(file, f"{answer}\n" if file.suffix == ".json" else f"Could not measure: {reason}\n")
    if options.format == "json":
        print(answer)
    return COULD_NOT_MEASURE


def write(file: Path, text: str) -> None:
    """Writes a file of `--out`, whole or not at all; raises UsageError when it cannot be written."""
    try:
        write_file(file, [text.encode()])
    except OSError as error:
        raise UsageError(f"--out {file} cannot be written: {error.strerror}") from None


def check_files(files: Sequence[Path]) -> None:
    """Checks that all files can be written, before anything is measured; raises UsageError for one that cannot."""
    for file in files:
        if file.suffix not in (".md", ".json"):
            raise UsageError(f"--out {file}: the suffix gives the format; use .md or .json")
        try:
            existed = file.exists()
            file.parent.mkdir(parents=True, exist_ok=True)
            file.open("a").close()
            if not existed:  # it would be a change in the working tree
                file.unlink()
        except OSError as error:
            raise UsageError(f"--out {file} cannot be written: {error.strerror}") from None


def measured(
    revisions: tuple[Revision, Revision], cells: Sequence[RunSpec], options: argparse.Namespace
) -> tuple[CellResult, ...]:
    """Results of the chosen comparison: cells, micro-benchmarks or counted functions."""
    from manyhands.commits.comparison import compare_cells
    from manyhands.commits.instructions import compare_instructions
    from manyhands.commits.micro import compare_micro

    if options.count_instructions:
        return compare_instructions(revisions, announce)
    if options.micro is not None:
        return compare_micro(revisions, options.micro, lambda count: limits(options, count), announce)
    return compare_cells(revisions, cells, limits(options, len(cells) * len(options.metrics)), announce)
