"""The user's own modules that a pickle imports, and the folders in which workers find them. Libraries are the same for all processes."""

from __future__ import annotations

import os
import pickletools
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from manyhands.user_files import MAIN

INSTALLED = ("site-packages", "dist-packages")
"""Folders of installed libraries."""
OURS = __name__.partition(".")[0]


def own_modules(data: bytes) -> dict[str, Path]:
    """Name -> file of the user's modules that a pickle names, and of those that these import in turn."""
    names = {text for _, text, _ in pickletools.genops(data) if isinstance(text, str)}
    found: dict[str, Path] = {}
    while names:
        name = names.pop()
        module = sys.modules.get(name)
        if name not in found and module is not None and (file := _own_file(module)):
            found[name] = file
            names |= set(_imported_by(module))
    return dict(sorted(found.items()))


def own_folders() -> list[str]:
    """The folders on the import path that workers may lack: all but those of libraries."""
    folders = (os.path.abspath(folder or os.curdir) for folder in sys.path)
    return [folder for folder in dict.fromkeys(folders) if os.path.isdir(folder) and not _is_library(folder)]


def _imported_by(module: ModuleType) -> Iterator[str]:
    """The names of the modules that a module has imported, or has imported something from."""
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str):
            yield name


def _own_file(module: ModuleType) -> Path | None:
    """The file of a module of the user's; None for the running script, for a library and for ours."""
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or _is_library(file) or module.__name__.partition(".")[0] in (MAIN, OURS):
        return None
    return Path(file)


def _is_library(path: str) -> bool:
    """True for a file or folder of the standard library or of an installed one."""
    return path.startswith(os.path.dirname(os.__file__)) or any(folder in Path(path).parts for folder in INSTALLED)
