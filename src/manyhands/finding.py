"""Finds plug-in classes: files in one of our packages, entry points, or a user's `path/to/file.py:Name`.

Plug-ins import their libraries only when they are used, so a search imports no engine's library.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

from manyhands.errors import UsageError, unknown
from manyhands.user_files import is_of_file, load

Base = TypeVar("Base")
ROOM = "backend"
"""The file that defines the plug-ins of a folder: `backends/NAME.py` may become `backends/NAME/backend.py`."""


def find(what: str, name: str, base: type[Base], known: Callable[[], Mapping[str, type[Base]]]) -> type[Base]:
    """The subclass of `base` with this `name`: one of `known`, or a class in a user's file.

    `what`: the word for it in the error message. Raises UsageError when there is no such class.
    """
    if is_of_file(name):
        return _checked(load(name), base, name)
    if name not in known():
        raise unknown(what, name, known(), "manyhands list")
    return known()[name]


def classes(package: str, base: type[Base]) -> Mapping[str, type[Base]]:
    """Name -> subclass of `base`, for the named classes of the package and of the entry points in its group."""
    ours = [value for module in _modules(package) for value in _defined_in(module) if issubclass(value, base)]
    found: dict[str, type[Base]] = {vars(value)["name"]: value for value in ours if "name" in vars(value)}
    for entry in entry_points(group=package):
        found[entry.name] = _checked(entry.load(), base, entry.value)
    return MappingProxyType(dict(sorted(found.items())))


def _modules(package: str) -> Iterator[ModuleType]:
    """The modules of the package that may define plug-ins; a module whose name begins with `_` is only a part of one."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if "._" in module.name:
            continue
        if not module.ispkg:
            yield importlib.import_module(module.name)
        elif find_spec(f"{module.name}.{ROOM}"):
            yield importlib.import_module(f"{module.name}.{ROOM}")


def _defined_in(module: ModuleType) -> list[type[Any]]:
    """The classes of a module; for a `backend.py`, all classes that it imports from its folder too."""
    place = module.__name__.removesuffix(f".{ROOM}")
    classes = [value for value in vars(module).values() if isinstance(value, type)]
    return [value for value in classes if f"{value.__module__}.".startswith(f"{place}.")]


def _checked(value: Any, base: type[Base], source: str) -> type[Base]:
    if not (isinstance(value, type) and issubclass(value, base)):
        raise UsageError(f"{source} is not a subclass of {base.__module__}.{base.__qualname__}")
    if missing := sorted(getattr(value, "__abstractmethods__", ())):
        raise UsageError(f"{source} has no {', '.join(missing)}, which every class of its kind needs; add what is missing")
    return value
