"""`manyhands check mine.py:build`: what would not compare fairly between one worker and two, one line each."""

from __future__ import annotations

import argparse
import sys
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyhands.checking.check import Checked

WIDTH, INDENT = 80, 8
NOT_HERE = ("backend", "workers", "repeats", "until", "max_time", "epochs", "steps", "max_seconds", "address", "nodes", "args")
"""Options of a pyproject.toml that a check sets itself."""


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser(
        "check",
        help="what in a training of yours would not compare fairly, and how to mend it",
        description="Trains two steps of a function path/to/mine.py:build on 'serial' and on two workers of 'ddp', looks at its model,"
        " data and loss, and prints a line for everything that would not compare fairly, with what to do.",
        epilog="Exit codes: 0 it compares fairly, 1 something fails or is unfair, 2 invalid command.",
    )
    parser.add_argument("workload", metavar="WORKLOAD", help="path/to/mine.py:build, or a network path/to/file.py:Name")
    parser.set_defaults(call=call)


def call(options: argparse.Namespace) -> int:
    """Prints the findings; 0 when the training compares fairly, else 1."""
    from manyhands.checking.check import STEPS, check_training
    from manyhands.planning.project import with_project
    from manyhands.planning.request import Request

    asked = Request.of(options.workload, steps=STEPS, yardstick="none", oversubscribe=True)
    request = with_project(asked, {"workloads", "yardstick", "oversubscribe"}, without=NOT_HERE, say=announce)
    checked = check_training(request, announce)
    print("\n".join(lines(options.workload, checked)))
    return 0 if checked.fair else 1


def lines(name: str, checked: Checked) -> list[str]:
    """The answer, then the findings, in 80 columns."""
    answer = "compares fairly" if checked.fair else "does not compare fairly yet"
    losses = (
        "" if checked.losses is None else "; loss after two steps: {:.6g} on one worker, {:.6g} on two".format(*checked.losses)
    )
    texts = [("", f"{name} {answer}{losses}"), *((f"{one.level:<{INDENT}}", one.text) for one in checked.findings)]
    return [line for level, text in texts for line in wrapped(level, text)]


def wrapped(level: str, text: str) -> list[str]:
    """One finding in lines, its level in a column of its own."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=level,
        subsequent_indent=" " * INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )


def announce(line: str) -> None:
    """Prints a line of progress on standard error."""
    print(line, file=sys.stderr, flush=True)
