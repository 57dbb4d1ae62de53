"""A user's file and the modules beside it, sent to the workers of a running cluster, whose machines may not have them.

On the driver: a spec -> a job of plain values. In a worker: the job -> the spec, whose workload is in a file that this machine has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from manyhands.backends.scripts.leaving import code_beside, modules_below
from manyhands.errors import DataError, UsageError
from manyhands.machine import host_name
from manyhands.pickled.code_file import modules_of
from manyhands.plan import RunSpec
from manyhands.temporary import temporary_folder
from manyhands.user_code import file_of, files_of
from manyhands.user_files import load, packages_of, root_of

NAMED = 8
"""Files that a message names."""
OF_USERS = ("workload", "sync")
"""Fields of a spec that may name a class or a function of a user's file."""
Job = Mapping[str, Any]
"""`spec`, and `sent`: field of the spec -> what is sent for it. That is `file`, the user's file below the folder from which Python imports
it; `files`, that file and the modules there, path -> bytes; and `modules`, those in other folders that a function of a notebook imports."""


def job_of(spec: RunSpec) -> Job:
    """The spec, with the user's files when a running cluster trains them."""
    files = {field: file.resolve() for field in OF_USERS if spec.address and (file := file_of(getattr(spec, field)))}
    return {"spec": spec.to_dict(), "sent": {field: sent_for(getattr(spec, field), file) for field, file in files.items()}}


def sent_for(name: str, file: Path) -> dict[str, Any]:
    """The files that a worker needs for the `path/to/file.py:Name` of a user."""
    _load(name)
    root = root_of(file)
    names = {*files_of(file), *code_beside(str(file), str(root)), *packages_of(file)}
    files = {one: (root / one).read_bytes() for one in sorted(names)}
    modules = {one: path.read_bytes() for one, path in modules_of(file).items()}
    return {"file": file.relative_to(root).as_posix(), "files": files, "modules": modules}


@contextmanager
def received(job: Job) -> Iterator[RunSpec]:
    """The spec of a job, in a worker while it trains. Files that this machine lacks, or has in another version, are in a folder until then.

    Raises UsageError when a user's file cannot be loaded here, and DataError when training asks for a file beside it that was not sent.
    """
    spec = RunSpec.from_dict(job["spec"])
    with ExitStack() as stack:
        here: dict[str, Any] = {}
        for field, sent in job["sent"].items():
            here[field] = stack.enter_context(_here(getattr(spec, field), sent))
        yield replace(spec, **here)


@contextmanager
def _here(name: str, sent: Mapping[str, Any]) -> Iterator[str]:
    """`path/to/file.py:Name` on this machine."""
    path, _, attribute = name.rpartition(".py:")
    there = Path(path).parents[sent["file"].count("/")]
    if not sent["modules"] and all(_has(there / one, content) for one, content in sent["files"].items()):
        yield name
        return
    with temporary_folder() as folder, import_path_restored(folder):
        here, imported = folder.resolve() / "own", folder.resolve() / "imported"
        _write(here, sent["files"])
        _write(imported, sent["modules"])
        sys.path.append(str(imported))
        moved = f"{here / sent['file']}:{attribute}"
        with as_the_user_knows_them(here, there, [*sent["files"], *sent["modules"]]):
            _load(moved)
            yield moved


def _load(name: str) -> None:
    """Loads the file; a strategy has a value behind its name, as in `path/to/file.py:Name=8`."""
    path, _, attribute = name.rpartition(".py:")
    load(f"{path}.py:{attribute.partition('=')[0]}")


@contextmanager
def as_the_user_knows_them(here: Path, there: Path, sent: Sequence[str]) -> Iterator[None]:
    """Names the user's folder `there` in errors about files of the folder `here`, and what was sent."""
    why = f"{host_name()} was sent {_named(sent)} alone, because {there} is not the same there"
    try:
        yield
    except UsageError as error:
        if str(here) not in str(error):
            raise
        raise UsageError(f"{str(error).replace(str(here), str(there))}; {why}") from None
    except FileNotFoundError as error:
        if not str(error.filename).startswith(str(here)):
            raise
        lacking = str(error.filename).replace(str(here), str(there))
        raise DataError(f"no file {lacking}: {why}; put data where all machines see them") from error


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _has(path: Path, content: bytes) -> bool:
    try:
        return path.read_bytes() == content
    except OSError:
        return False


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


@contextmanager
def import_path_restored(folder: Path) -> Iterator[None]:
    """Makes the import path what it was, and forgets the modules below a folder: a process of a cluster runs on."""
    before = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = before
        forget_below(folder)


def forget_below(folder: Path) -> None:
    """Has the next run of this process load the modules below a folder anew."""
    for name in modules_below(str(folder)):
        sys.modules.pop(name, None)
