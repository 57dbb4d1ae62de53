"""The kinds of values that options have: how a text is read and how a Python value is checked, with one error message for both."""

from __future__ import annotations

import inspect
import math
import os
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from manyhands.errors import UsageError
from manyhands.studies.budget import parse_duration
from manyhands.user_files import name_in_file


@dataclass(frozen=True)
class Kind:
    """One kind of value."""

    read: Callable[[str], Any]
    """The value of a text, as the command line gives it; raises UsageError that names the text and what is allowed."""
    check: Callable[[Any], Any]
    """The value of a Python object that is no text; raises TypeError or ValueError when it is none of this kind."""
    description: str
    """Such as `a list of names`, for the error message."""


def names(text: str) -> tuple[str, ...]:
    """`a,b` -> (a, b)."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def counts(text: str) -> tuple[int, ...]:
    """`1,2` -> (1, 2)."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise UsageError(f"{text!r} is not {COUNTS.description}")
    return tuple(int(part) for part in parts)


def counts_from_0(text: str) -> tuple[int, ...]:
    """`0,2` -> (0, 2)."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"{text!r} is not {COUNTS_FROM_0.description}")
    return tuple(int(part) for part in parts)


def size(text: str) -> int:
    """`200MB` -> bytes; K, M, G and T are powers of 1000."""
    number = text.strip().upper().removesuffix("B")
    factor = next((10 ** (3 * power) for power, letter in enumerate("KMGT", start=1) if number.endswith(letter)), 1)
    try:
        return round(float(number.rstrip("KMGT")) * factor)
    except (ValueError, OverflowError):
        raise UsageError(f"{text!r} is not {SIZE.description}") from None


def setting(text: str) -> tuple[str, str]:
    """`NAME=VALUE` -> (NAME, VALUE), dashes in the name as underscores."""
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"{text!r} is not NAME=VALUE")
    return name.strip().replace("-", "_"), value


def share(text: str) -> float:
    """`5%` or `0.05` -> 0.05; between 0 and 1."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise UsageError(f"{text!r} is not {SHARE.description}")
    return value


def target(text: str) -> str:
    """`accuracy=0.95`, as it is: a metric and the number to reach."""
    metric, _, value = text.partition("=")
    try:
        wanted = float(value)
    except ValueError:
        wanted = math.nan
    if not metric.strip() or not math.isfinite(wanted):
        raise UsageError(f"{text!r} is not {TARGET.description}")
    return f"{metric.strip()}={wanted!r}"


def until(text: str) -> str | float:
    """`winner`, or `5%` -> 0.05."""
    if text.strip() == WINNER:
        return WINNER
    try:
        return share(text)
    except UsageError:
        raise UsageError(f"{text!r} is not {UNTIL.description}") from None


def _number(of: type[Any], description: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        try:
            return of(text)
        except ValueError:
            raise UsageError(f"{text!r} is not {description}") from None

    return read


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError
    return int(value)


def _several(one: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """A check that takes one value for a list of one."""

    def check(value: Any) -> tuple[Any, ...]:
        if isinstance(value, Mapping) or value == []:
            raise TypeError
        return tuple(one(item) for item in value) if isinstance(value, Iterable) else (one(value),)

    return check


def _text(value: Any) -> str:
    if not isinstance(value, str | os.PathLike):
        raise TypeError
    return os.fspath(value)


def _workload(value: Any) -> str:
    """The name of a workload; for a function or class, `path/to/file.py:Name`."""
    if not (inspect.isfunction(value) or inspect.isclass(value)):
        return _text(value)
    if name := name_in_file(value):
        return name
    raise UsageError(
        f"{value.__qualname__!r} is in no file from which workers could load it: give it to manyhands.bench or Session,"
        f" or give path/to/file.py:{value.__name__}"
    )


def _count(value: Any) -> int:
    if _whole(value) < 1:
        raise ValueError
    return int(value)


def _count_from_0(value: Any) -> int:
    if _whole(value) < 0:
        raise ValueError
    return int(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError
    return float(value)


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not 0 < value < 1:
        raise ValueError
    return float(value)


def _duration(value: Any) -> float:
    if not _seconds(value) > 0:
        raise ValueError
    return float(value)


def _target(value: Any) -> str:
    metric, wanted = value
    return target(f"{metric}={wanted}")


def _settings(value: Any) -> dict[str, Any]:
    return {str(name): item for name, item in dict(value).items()}


def _no_text(text: str) -> Any:
    raise UsageError(f"{text!r} is not True or False")


WINNER = "winner"
"""The value of `--until` that asks for the fastest cell."""
NAMES = Kind(names, _several(_text), "a list of names")
WORKLOADS = Kind(names, _several(_workload), "a list of names, functions and classes")
COUNTS = Kind(counts, _several(_count), "a list of whole numbers above 0, such as 1,2,4")
COUNTS_FROM_0 = Kind(counts_from_0, _several(_count_from_0), "a list of whole numbers from 0 on, such as 0,2")
WHOLE = Kind(_number(int, "a whole number"), _whole, "a whole number")
SECONDS = Kind(_number(float, "a number of seconds"), _seconds, "a number of seconds")
SHARE = Kind(share, _share, "a share between 0 and 1, such as 5% or 0.05")
UNTIL = Kind(until, _share, "winner, or the half-width of every speed-up, above 0% and below 100%, such as 5%")
TARGET = Kind(target, _target, "a metric and the number to reach, such as accuracy=0.95")
DURATION = Kind(parse_duration, _duration, "a time above 0; write for example 90s, 10m or 1h")
SIZE = Kind(size, _whole, "a size such as 200MB or 1.5GB")
WORD = Kind(str, _text, "a text")
SWITCH = Kind(_no_text, _switch, "True or False")
ARGUMENTS = Kind(lambda text: tuple(shlex.split(text)), lambda value: tuple(map(_text, value)), "a list of arguments")
SETTINGS = Kind(lambda text: dict([setting(text)]), _settings, "a mapping of names to values")
