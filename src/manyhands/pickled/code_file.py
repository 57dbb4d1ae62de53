"""A function or class of a notebook or of a running script -> a file from which workers load it, as any other `path/to/file.py:Name`.

In: the object. Out: `FOLDER/HASH/NAME.py:NAME`. The file has a pickle of the object with all that it uses; modules of the user's own
are imported, and the file has their hashes. HASH is over the whole file: other code is another workload, and the same code is the same
workload in every session.
"""

from __future__ import annotations

import base64
import hashlib
import inspect
import pickle
import platform
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from manyhands.atomic_write import write_file
from manyhands.errors import UsageError
from manyhands.pickled.own_modules import own_folders, own_modules
from manyhands.pickled.stable_pickle import stable_pickle
from manyhands.user_files import OF_FILES, name_in_file

TEXT = '''"""`{name}` of a notebook or a script, as manyhands has pickled it for the workers of a run."""

from manyhands.pickled.code_file import read

MODULES = {modules!r}
{name} = read(
    __name__,
    python={python!r},
    folders={folders!r},
    modules=MODULES,
    code={code!r},
)

# Its source, to read. Changes here have no effect.
{source}'''


def names_of(workloads: Any, folder: Path) -> Any:
    """The workloads, with `path/to/file.py:Name` for each function and class; those that are in no file are written below `folder`.

    Raises UsageError for one that cannot be pickled.
    """
    if isinstance(workloads, list | tuple):
        return type(workloads)(names_of(one, folder) for one in workloads)
    if inspect.isfunction(workloads) or inspect.isclass(workloads):
        return name_in_file(workloads) or write(workloads, folder)
    return workloads


def write(value: Any, folder: Path) -> str:
    """`path/to/file.py:Name` of a file below `folder` that has the function or class."""
    name = value.__name__ if value.__name__.isidentifier() else "function"
    data = _pickled(value, name)
    text = TEXT.format(
        name=name,
        python=_python(),
        folders=own_folders(),
        modules={module: _sha256(file) for module, file in own_modules(data).items()},
        code=base64.b64encode(data).decode(),
        source=_source(value),
    )
    file = folder.absolute() / hashlib.sha256(text.encode()).hexdigest()[:12] / f"{name}.py"
    if not file.exists():
        write_file(file, [text.encode()])
    return f"{file}:{name}"


def read(module: str, *, python: str, folders: Sequence[str], modules: Mapping[str, str], code: str) -> Any:
    """The function or class that `write` has put into the file of this `module`; raises UsageError where it would be another one."""
    if python != _python():
        raise UsageError(f"a function pickled by Python {python} cannot run in Python {_python()}; run the cell or script again")
    sys.path += [folder for folder in folders if folder not in sys.path]
    files = {str(import_module(name).__file__): digest for name, digest in modules.items()}
    if changed := [file for file, digest in files.items() if _sha256(Path(file)) != digest]:
        raise UsageError(f"{changed[0]} is not as it was when a function that uses it was pickled; run the cell or script again")
    value = pickle.loads(base64.b64decode(code))
    if getattr(sys.modules.get(value.__module__), value.__qualname__, None) is not value:  # else it is imported from there
        value.__module__, value.__qualname__ = module, value.__name__
    return value


def modules_of(file: Path) -> dict[str, Path]:
    """The user's modules that a file of `write` imports, and their packages: path below a folder of the import path -> file.

    Empty for another file, and for one that this process has not loaded.
    """
    made = vars(sys.modules.get(f"{OF_FILES}{file.stem}", sys))
    if made.get("read") is not read:
        return {}
    parts = [name.split(".") for name in made["MODULES"]]
    names = {".".join(one[:end]) for one in parts for end in range(1, len(one) + 1)}
    return {_place(name, Path(path)): Path(path) for name in sorted(names) if (path := sys.modules[name].__file__)}


def _place(module: str, file: Path) -> str:
    """The path of a module's file below the folder from which it is imported."""
    inside = Path(*module.split("."))
    return (inside / file.name if file.stem == "__init__" else inside.with_suffix(file.suffix)).as_posix()


def _pickled(value: Any, name: str) -> bytes:
    try:
        return stable_pickle(value)
    except Exception as error:  # an object that it uses may raise anything
        raise UsageError(
            f"{name} cannot be given to workers: {type(error).__name__}: {error}; make what it uses inside of it, or put it into a"
            f" file and give path/to/file.py:{name}"
        ) from None


def _source(value: Any) -> str:
    """The source as comments; empty where Python does not know it."""
    try:
        lines = inspect.getsource(value).splitlines()
    except (OSError, TypeError):
        return ""
    return "".join(f"# {line}".rstrip() + "\n" for line in lines)


def _python() -> str:
    """Such as 3.11: a pickle of a function has the bytecode of one version."""
    return ".".join(platform.python_version_tuple()[:2])


def _sha256(file: Path) -> str:
    """The hash of a file's bytes; empty when it cannot be read."""
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""
