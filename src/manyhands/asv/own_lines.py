"""A `setup_cache` for each class, with source lines of its own.

asv gives one cache to all `setup_cache` methods that begin at the same line of a module, such as one that classes inherit. So each
class gets a method of its own, at the line of its `class` statement, and Python can show its source.
"""

from __future__ import annotations

import linecache
import sys
from itertools import chain, count
from pathlib import Path
from types import FrameType
from typing import Any

SOURCE = "def setup_cache(self):\n    return self.run_cells()  # {comment}\n"


def setup_cache_of(cls: type[Any], comment: str) -> Any:
    """A method `setup_cache` for the class. `comment` is a part of its source, which asv shows beside the results."""
    file = file_of(cls)
    free = chain([line_of(cls)], count(len(linecache.getlines(str(file))) + 1))
    line, name = next(
        (line, name) for line in free if (name := f"<setup_cache at {cls.__module__}:{line}>") not in linecache.cache
    )
    text = "\n" * (line - 1) + SOURCE.format(comment=comment)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    made: dict[str, Any] = {"__name__": cls.__module__}
    exec(compile(text, name, "exec"), made)
    return made["setup_cache"]


def file_of(cls: type[Any]) -> Path:
    """The file that defines the class."""
    return Path(getattr(sys.modules.get(cls.__module__), "__file__", None) or f"{cls.__module__}.py")


def line_of(cls: type[Any]) -> int:
    """The line that is now making the class; 1 when no code of its module is."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__name__") != cls.__module__:
        frame = frame.f_back
    return frame.f_lineno if frame else 1
