"""Loads a user's own class or function by `path/to/file.py:Name`, with a module name by which another process can find the file again."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

from manyhands.errors import UsageError

OF_FILES = "manyhands_file_"
"""The start of the names of such modules; an ordinary import cannot find them."""
MAIN = "__main__"
"""The module of a script that is running, and of the cells of a notebook."""


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


def name_in_file(value: Any) -> str | None:
    """`path/to/file.py:Name` of a function or class at the top of a file.

    None for one of the script that is running, which workers must not run again, and for one that is in no file.
    """
    module = sys.modules.get(value.__module__)
    file = getattr(module, "__file__", None)
    name: str = value.__qualname__
    if not file or value.__module__ == MAIN or vars(module).get(name) is not value:
        return None
    return f"{os.path.realpath(file)}:{name}"


def load(name: str) -> Any:
    """The object at `path/to/file.py:Name`; raises UsageError when the file cannot be run, or does not exist, or lacks the name.

    The file can import modules beside it and of its package: their folders come after all others on the import path, so that they hide
    no library.
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


def root_of(file: Path) -> Path:
    """The folder from which Python imports a file: that above its package, or its own when it is in no package."""
    folder = file.parent
    while (folder / "__init__.py").is_file() and folder != folder.parent:
        folder = folder.parent
    return folder


def packages_of(file: Path) -> list[str]:
    """The `__init__.py` of each package that a file is in: paths below the folder from which Python imports it."""
    inside = file.relative_to(root_of(file)).parents
    return [(folder / "__init__.py").as_posix() for folder in inside if folder.name]


def _run(path: Path) -> ModuleType:
    """The module of a file; raises UsageError with the line of the file that fails."""
    name = f"{OF_FILES}{path.stem}"
    before, module = sys.modules.get(name), _module(name, path)
    sys.path += [folder for folder in dict.fromkeys((str(root_of(path)), str(path.parent))) if folder not in sys.path]
    sys.modules[name] = module
    try:
        loader = SourceFileLoader(name, str(path))
        exec(loader.get_code(name) or "", vars(module))
    except (Exception, SystemExit) as error:
        sys.modules.pop(name)
        if before is not None:
            sys.modules[name] = before
        if isinstance(error, UsageError):
            raise
        line = _line_of(path, error)
        raise UsageError(f"{path}{line} cannot be loaded: {type(error).__name__}: {error}; correct the file") from None
    return module


def _module(name: str, path: Path) -> ModuleType:
    """A module of that name for a file, in the package that the file is in, so that its relative imports work."""
    package = ".".join(path.relative_to(root_of(path)).parent.parts)
    inside = f"{package}.{name}" if package else name
    spec = importlib.util.spec_from_file_location(inside, path, loader=SourceFileLoader(inside, str(path)))
    if spec is None:
        raise UsageError(f"{path} cannot be loaded as Python; give path/to/file.py:Name")
    module = importlib.util.module_from_spec(spec)
    module.__name__ = name
    return module


def _line_of(path: Path, error: BaseException) -> str:
    """`:LINE` where the file raised an error, or is no Python; empty when that is not known."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f":{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def name_after_class(cls: type[Any], **more: str) -> None:
    """Gives a class of a user's file or notebook the `name` and the `summary` that it lacks, and the other attributes that it lacks too."""
    if not cls.__module__.startswith((OF_FILES, MAIN)):
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
