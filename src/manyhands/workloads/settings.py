"""Settings of a workload: `--set name=value` -> values of the right type.

In: the defaults and the settings that a user gave, as text or as values. Out: the values, or UsageError.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from manyhands.errors import UsageError


def read_settings(workload: str, defaults: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """`settings` with every text converted to the type of its default; raises UsageError for a wrong name or value."""
    values = {}
    for name, value in settings.items():
        if name not in defaults:
            raise UsageError(
                f"{workload} has no setting {name!r}; known: {', '.join(defaults) or 'none'}; see 'manyhands list {workload}'"
            )
        values[name] = _as_type_of(defaults[name], value, f"{workload} {name}")
    return values


def _as_type_of(default: Any, value: Any, setting: str) -> Any:
    if isinstance(default, tuple):
        return tuple(value.split(",")) if isinstance(value, str) else _tuple(value, setting)
    if not isinstance(value, str) or isinstance(default, str) or default is None:
        return _checked(default, value, setting)
    if isinstance(default, bool):
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        raise UsageError(f"{setting}={value} is neither true nor false")
    try:
        return type(default)(value)
    except ValueError:
        raise UsageError(f"{setting}={value} is not of type {type(default).__name__}; the default is {default}") from None


def _tuple(value: Any, setting: str) -> tuple[Any, ...]:
    if isinstance(value, list | tuple):
        return tuple(value)
    raise UsageError(f"{setting}={value!r} is not a list")


def _checked(default: Any, value: Any, setting: str) -> Any:
    """A value that is no text, as it is when its type is that of the default; a whole number also stands for a number."""
    wanted = (int, float) if isinstance(default, float) else type(default)
    is_right = isinstance(value, wanted) and isinstance(value, bool) == isinstance(default, bool)
    if default is None or is_right:
        return value
    raise UsageError(f"{setting}={value!r} is not of type {type(default).__name__}; the default is {default!r}")
