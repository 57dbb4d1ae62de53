"""The files that a suite of pytest or asv names: searched from the folder of the suite up to that of its repository.

So a suite measures the same file from every folder in which it is started.
"""

from __future__ import annotations

from pathlib import Path

from manyhands.errors import UsageError
from manyhands.user_files import is_of_file, is_script


def located(name: str, suite: Path) -> str:
    """`name`, with an absolute path if it is a script or `path/to/file.py:Name`. `suite`: the file that names it.

    Raises UsageError when the file is in none of the folders.
    """
    if not (is_script(name) or is_of_file(name)):
        return name
    file, attribute = split(name)
    if found := upwards(file, suite):
        return f"{found}:{attribute}" if attribute else str(found)
    wanted = f"{file} for {attribute!r}" if attribute else file
    raise UsageError(f"no file {wanted} in {suite.parent} or a folder above it in its repository")


def split(name: str) -> tuple[str, str]:
    """`path/to/file.py:Name` -> (path/to/file.py, Name); of a script, Name is empty."""
    stem, _, attribute = name.rpartition(".py:")
    return (f"{stem}.py", attribute) if stem else (name, "")


def upwards(path: str, suite: Path) -> Path | None:
    """The first existing `path` in the folders of `suite`, from its own up to that of the repository."""
    for folder in suite.resolve().parents:
        if (folder / path).exists():
            return folder / path
        if (folder / ".git").exists():
            return None
    return None
