"""`--help` of every command fits a terminal of 80 columns and explains every option."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from manyhands.cli import parser


def commands(top: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of all its commands."""
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name in action.choices:
                yield from commands(action.choices[name])


@pytest.mark.parametrize("name", [command.prog for command in commands(parser())])
def test_help_fits_80_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (shown,) = [command.format_help() for command in commands(parser()) if command.prog == name]
    assert [line for line in shown.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", [command.prog for command in commands(parser())])
def test_every_option_is_explained_by_more_than_its_default(name: str) -> None:
    (command,) = [command for command in commands(parser()) if command.prog == name]
    listed = [action for action in command._actions if not isinstance(action, argparse._SubParsersAction)]
    bare = [action.dest for action in listed if not (action.help or "").split("(default")[0].strip()]
    assert bare == []


def test_a_default_is_shown_as_it_is_typed() -> None:
    for command in commands(parser()):
        assert "default: [" not in command.format_help(), command.prog
