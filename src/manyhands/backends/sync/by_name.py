"""The text of `--sync` -> a strategy: ours, that of an entry point, or a user's `path/to/file.py:Name`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from manyhands.backends.sync.strategy import Strategy
from manyhands.finding import classes, find
from manyhands.user_files import absolute


@cache
def strategy_classes() -> Mapping[str, type[Strategy]]:
    """Every strategy that has a name, in the order of the names; searched for once in a process."""
    return classes("manyhands.backends.sync", Strategy)


def strategy(text: str) -> Strategy:
    """The strategy of `NAME` or `NAME=VALUE`; raises UsageError when there is none, or when it does not take the value."""
    name, value = parts(text)
    return find("strategy", name, Strategy, strategy_classes)(value)


def parts(text: str) -> tuple[str, str]:
    """`local=8` -> (local, 8); a path may hold the sign too."""
    path, of_file, rest = text.rpartition(".py:")
    name, _, value = rest.partition("=")
    return f"{path}{of_file}{name}", value


def placed(text: str) -> str:
    """The text with an absolute path if it names a class of a file, so that it works in another folder."""
    name, value = parts(text)
    return f"{absolute(name)}={value}" if value else absolute(name)
