"""Loads a user's own class by `path/to/file.py:Name`, with a module name by which another process can find the file again."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from pathlib import Path
from types import ModuleType
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
    return f"{os.path.realpath(path + '.py')}:{attribute}" if separator else name


def file_and_name(cls: type[Any]) -> str | None:
    """`path/to/file.py:Name` of a class from a user's file; None for a class that can be imported."""
    if not cls.__module__.startswith(OF_FILES):
        return None
    return f"{sys.modules[cls.__module__].__file__}:{cls.__qualname__}"


def load(name: str) -> Any:
    """The object at `path/to/file.py:Name`; raises UsageError when the file cannot be run, or does not exist, or lacks the name.

    The file can import modules beside it: its folder comes after all others on the import path, so that it hides no library.
    """
    folder_and_stem, _, attribute = name.rpartition(".py:")
    path = Path(folder_and_stem + ".py")
    if not path.is_file():
        raise UsageError(f"no file {path} for {attribute!r}; give path/to/file.py:Name")
    module = sys.modules.get(f"{OF_FILES}{path.stem}")
    if module is None or module.__file__ != str(Path(os.path.realpath(path))):
        module = _run(Path(os.path.realpath(path)))
    if not hasattr(module, attribute):
        raise UsageError(f"{path} has no {attribute!r}; give path/to/file.py:Name with a class or function of that file")
    return getattr(module, attribute)


def _run(path: Path) -> ModuleType:
    """The module of a file; raises UsageError with the line of the file that fails."""
    name = f"{OF_FILES}{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} cannot be loaded as Python; give path/to/file.py:Name")
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    before, module = sys.modules.get(name), importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        line = _line_of(path, error)
        raise UsageError(f"{path}{line} cannot be loaded: {type(error).__name__}: {error}; correct the file") from None
    return module


def _line_of(path: Path, error: BaseException) -> str:
    """`:LINE` where the file raised an error, or is no Python; empty when that is not known."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f":{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def name_after_class(cls: type[Any], **more: str) -> None:
    """Gives a class of a user's file the `name` and the `summary` that it lacks, and the other attributes that it lacks too."""
    if not cls.__module__.startswith(OF_FILES):
        return
    words = (cls.__doc__ or "").strip().splitlines()
    for attribute, value in {"name": cls.__name__, "summary": words[0] if words else cls.__name__, **more}.items():
        if not hasattr(cls, attribute):
            setattr(cls, attribute, value)


def call(name: str, *arguments: Any) -> Any:
    """Calls the function at `path/to/file.py:name`.

    Another process can import this function, and so run a function of a user's file: `Process(target=call, args=(name, ...))`.
    """
    return load(name)(*arguments)
