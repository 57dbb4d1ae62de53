"""The command line. One file per command: `add_parser` declares its options, and the command's function runs it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from manyhands.errors import ManyhandsError, UsageError

COMMANDS = ("run", "evaluate", "list", "studies", "doctor", "report", "predict", "compare", "calibrate", "history", "data")


class WholeNames(argparse.ArgumentParser):
    """A parser whose options must be written in full: `--data` must not be taken for a mistyped `--data-dir`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError, so that a mistyped option is one line as every other error is."""
        raise UsageError(f"{message}; see '{self.prog} --help'")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = WholeNames(
        prog="manyhands",
        description="Trains reference workloads on interchangeable engines at several worker counts, and shows time,"
        " speed-up, cost and quality.",
        epilog="Start with 'manyhands run': a default plan on embedded data, about three minutes on two cores.",
    )
    top.add_argument("--version", action="version", version=f"manyhands {import_module('manyhands').__version__}")
    commands = top.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        import_module(f"manyhands.cli.{name}").add_parser(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 a run failed, 2 an error that the user can correct, 130 interrupted."""
    try:
        options = parser().parse_args(arguments)
        return int(options.call(options))
    except ManyhandsError as error:
        print(f"manyhands: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
