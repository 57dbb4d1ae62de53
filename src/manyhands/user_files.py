"""Loads a user's own class by `path/to/file.py:Name`, with a module name by which another process can find the file again."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from typing import Any

from manyhands.errors import UsageError

OF_FILES = "manyhands_file_"
"""The start of the names of such modules; an ordinary import cannot find them."""


def is_script(name: str) -> bool:
    """True when `name` is a script, `path/to/train.py`."""
    return name.endswith(".py")


def is_of_file(name: str) -> bool:
    """True when `name` has the form `path/to/file.py:Name`."""
    return ".py:" in name


def absolute(name: str) -> str:
    """`name` with an absolute path if it is a script or `path/to/file.py:Name`, so that it works in another folder."""
    if is_script(name):
        return os.path.abspath(name)
    path, separator, attribute = name.rpartition(".py:")
    return f"{Path(path + '.py').resolve()}:{attribute}" if separator else name


def file_and_name(cls: type[Any]) -> str | None:
    """`path/to/file.py:Name` of a class from a user's file; None for a class that can be imported."""
    if not cls.__module__.startswith(OF_FILES):
        return None
    return f"{sys.modules[cls.__module__].__file__}:{cls.__qualname__}"


def load(name: str) -> Any:
    """The object at `path/to/file.py:Name`; raises UsageError when the file, or the name in it, does not exist."""
    folder_and_stem, _, attribute = name.rpartition(".py:")
    path = Path(folder_and_stem + ".py")
    if not path.is_file():
        raise UsageError(f"no file {path} for {attribute!r}; give path/to/file.py:Name")
    module_name = f"{OF_FILES}{path.stem}"
    module = sys.modules.get(module_name)
    if module is None or module.__file__ != str(path.resolve()):
        spec = importlib.util.spec_from_file_location(module_name, path.resolve())
        if spec is None or spec.loader is None:
            raise UsageError(f"{path} cannot be loaded as Python; give path/to/file.py:Name")
        module = importlib.util.module_from_spec(spec)
        sys.modules[module_name] = module
        spec.loader.exec_module(module)
    if not hasattr(module, attribute):
        raise UsageError(f"{path} has no {attribute!r}; give path/to/file.py:Name with a class of that file")
    return getattr(module, attribute)


def call(name: str, *arguments: Any) -> Any:
    """Calls the function at `path/to/file.py:name`.

    Another process can import this function, and so run a function of a user's file: `Process(target=call, args=(name, ...))`.
    """
    return load(name)(*arguments)
