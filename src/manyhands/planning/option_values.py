"""Option texts -> values; each function raises ArgumentTypeError that names the given text and what is allowed."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def names(text: str) -> list[str]:
    """`a,b` -> [a, b]."""
    return [name.strip() for name in text.split(",") if name.strip()]


def counts(text: str) -> list[int]:
    """`1,2` -> [1, 2]."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of whole numbers above 0, such as 1,2,4")
    return [int(part) for part in parts]


def size(text: str) -> int:
    """`200MB` -> bytes; K, M, G and T are powers of 1000."""
    number = text.strip().upper().removesuffix("B")
    factor = next((10 ** (3 * power) for power, letter in enumerate("KMGT", start=1) if number.endswith(letter)), 1)
    try:
        return round(float(number.rstrip("KMGT")) * factor)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 200MB or 1.5GB") from None


def shorthand(name: str) -> Callable[[str], tuple[str, str]]:
    """Makes `--name VALUE` the same as `--set name=VALUE`."""
    return lambda value: (name, value)


def setting(text: str) -> tuple[str, str]:
    """`NAME=VALUE` -> (NAME, VALUE), dashes in the name as underscores."""
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip().replace("-", "_"), value


def share(text: str) -> float:
    """`5%` or `0.05` -> 0.05; between 0 and 1."""
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share between 0 and 1, such as 5% or 0.05")
    return value


def duration(text: str) -> float:
    """`90s`, `5m`, `1h` or plain seconds -> seconds."""
    from manyhands.errors import UsageError
    from manyhands.studies.budget import parse_duration

    try:
        return parse_duration(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
