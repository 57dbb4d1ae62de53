"""The options that a `Request` has, on the command line: added to a parser, and read back into a request."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any

from manyhands.cli.renamed import keep_old_name
from manyhands.errors import UsageError
from manyhands.planning.option_values import SETTINGS, SWITCH, WORD
from manyhands.planning.request import CELLS, DEFAULT_VALUES, OPTIONS, PLACE, RECORDS, STUDY, WORK, Request, flag

HEADINGS = (STUDY, CELLS, WORK, PLACE, RECORDS)


def add_request_options(parser: argparse.ArgumentParser) -> dict[str, Any]:
    """Adds every option of a request under its heading, and returns the groups by heading."""
    groups = {heading: parser.add_argument_group(heading) for heading in HEADINGS}
    for name, described in OPTIONS.items():
        if name not in ("workloads", "args"):  # words without an option
            add_request_option(groups[described.group], name)
    return groups


def add_request_option(group: Any, name: str, text: str | None = None) -> None:
    """Adds one option to a group. `text`: its help where the command has its own. The value of an option that is not given is None."""
    described = OPTIONS[name]
    text = re.sub(r"%\(default\)\w", lambda found: found[0] % {"default": DEFAULT_VALUES[name]}, text or described.help)
    if described.kind is SWITCH:
        group.add_argument(flag(name), action="store_true", default=None, help=text)
        return
    read = typed(described.kind.read)
    if described.kind is SETTINGS:
        group.add_argument(flag(name), action="append", default=[], type=read, metavar=described.metavar, help=text)
        return
    # A word stays as it is typed, so that argparse names the choices itself.
    given: dict[str, Any] = {"choices": described.choices} if described.choices else {}
    if described.metavar or not described.choices:
        given["metavar"] = described.metavar
    if described.kind is not WORD:
        given["type"] = read
    added = group.add_argument(flag(name), dest=name, help=text, **given)
    if name == "data":
        group.add_argument("--data-dir", metavar="DIR", help="the same as --data DIR")
    if described.old_flag:
        keep_old_name(group, described.old_flag, added)


def add_details(group: Any) -> None:
    """Adds `--details`, the same in every command that shows records."""
    text = "also show time, cost, phases, scaling laws, settings, machine and versions (a file always has them)"
    group.add_argument("--details", action="store_true", help=text)


def typed(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """The function as a `type` of argparse, which then puts the name of the option before the error message."""

    def convert(text: str) -> Any:
        try:
            return read(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def data_given(options: argparse.Namespace) -> str | None:
    """The place that `--data` or its other spelling `--data-dir` names; raises UsageError when both are given."""
    if options.data and options.data_dir:
        raise UsageError("--data and --data-dir both name the place of the data; give only one of them")
    place: str | None = options.data or options.data_dir
    return place


def request_of(options: argparse.Namespace, **own: Any) -> Request:
    """The request of the options of a command line; `own` are values that the command chooses itself."""
    return Request(**given_in(options) | own)


def given_in(options: argparse.Namespace) -> dict[str, Any]:
    """The options of a request that the command line gives, by their names."""
    named = {name: getattr(options, name) for name in OPTIONS if hasattr(options, name)}
    settings = {name: value for one in options.set for name, value in one.items()}
    named |= {"workloads": tuple(options.workloads or ()), "set": settings, "data": data_given(options)}
    return {name: value for name, value in named.items() if value not in (None, (), {})}
