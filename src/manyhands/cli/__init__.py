"""The command line. One file per command: `add_parser` declares its options, and the command's function runs it."""

from __future__ import annotations

import argparse
import errno
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NoReturn

from manyhands.cli.streams import standard_streams
from manyhands.errors import AsRead, DamagedLine, ManyhandsError, UsageError
from manyhands.stopping import stoppable

COMMANDS = (
    "run",
    "init",
    "check",
    "evaluate",
    "list",
    "studies",
    "doctor",
    "report",
    "predict",
    "compare",
    "calibrate",
    "history",
    "data",
)
OWN_WARNINGS = (AsRead, DamagedLine)


class WholeNames(argparse.ArgumentParser):
    """A parser whose options must be written in full: `--data` must not be taken for a mistyped `--data-dir`."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, **settings)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Keeps all words after `--` as `args`, unread, where the command has arguments of a script."""
        given = sys.argv[1:] if args is None else [*args]
        if self.get_default("args") is None or "--" not in given:
            return super().parse_known_args(given, namespace)
        cut = given.index("--")
        options, unknown = super().parse_known_args(given[:cut], namespace)
        options.args = given[cut + 1 :]
        return options, unknown

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
    """Runs one command and returns its exit code: 0 done, 1 a run failed, 2 an error that the user can correct, 130 interrupted.

    An error of a file, of the system or of a library is one line. A traceback is of a mistake of our own.
    """
    with standard_streams(), stoppable(), warnings.catch_warnings():
        for known in OWN_WARNINGS:
            warnings.simplefilter("always", known)
        warnings.showwarning = _in_a_line
        try:
            options = parser().parse_args(arguments)
            return int(options.call(options))
        except ManyhandsError as error:
            problem = str(error)
        except KeyboardInterrupt:
            print("\nmanyhands: interrupted", file=sys.stderr)
            return 130
        except OSError as error:
            problem = _of_system(error)
        except MemoryError as error:
            problem = f"not enough memory: {str(error) or 'the system gave none'}; use fewer --samples, or a machine with more"
        except Exception:
            traceback.print_exc()
            problem = "this is a mistake in manyhands, not in what you asked for; please report it with the lines above"
            print(f"manyhands: {problem}", file=sys.stderr)
            return 1
        print(f"manyhands: {problem}", file=sys.stderr)
        return 2


def _of_system(error: OSError) -> str:
    """The line for what the system refused: the file, if there is one, and the system's words."""
    place = f"{error.filename}: " if error.filename is not None else ""
    hint = "; make room, or set TMPDIR to a folder that has some" if error.errno == errno.ENOSPC else ""
    return f"{place}{error.strerror or error}{hint}"


def _in_a_line(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    """Shows our own warnings as the one line that errors are; others as Python does."""
    text = (
        f"manyhands: {message}\n"
        if issubclass(category, OWN_WARNINGS)
        else warnings.formatwarning(message, category, filename, lineno)
    )
    print(text, end="", file=sys.stderr)
