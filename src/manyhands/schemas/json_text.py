"""JSON as the standard has it: Python's reader also takes NaN and Infinity, and fails in its own ways on what is too deep or too long."""

from __future__ import annotations

import json
from typing import Any


class NoJson(ValueError):
    """A text that is no JSON, in one line."""


def read_json(text: str) -> Any:
    """The value of a text; raises NoJson."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NoJson(f"not JSON: {error}") from None
    except NoJson:
        raise
    except (ValueError, RecursionError):  # a number of thousands of digits, or thousands of lists inside each other
        raise NoJson("a number is too long, or lists lie too deep inside each other") from None


def _no_number(text: str) -> None:
    raise NoJson(f"not JSON: it has the number {text}; null means not measured")


_DECODER = json.JSONDecoder(parse_constant=_no_number)
