"""The code of a run for its record: ours, or for a user's file, the commit of the user's repository and hashes of the files.

In: a spec, and the files that its workers ran. Out: the record's field `code`; later, whether a record is still of the code of today.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from manyhands.errors import EngineError
from manyhands.machine import commit_of
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.user_files import is_of_file, is_script, root_of

OF_CELLS = ("backend", "sync")
"""Fields of a spec that may name a class of a user's file, beside the workload. Their code tells cells apart, not workloads."""


def file_of(workload: str) -> Path | None:
    """The user's file that a workload of a spec is in; None for one that can be imported."""
    if is_script(workload):
        return Path(workload)
    return Path(workload.rpartition(".py:")[0] + ".py") if is_of_file(workload) else None


def code_of(spec: RunSpec, ours: Mapping[str, Any], files: Mapping[str, str]) -> Mapping[str, Any]:
    """The field `code` of a record. `ours`: the commit of manyhands. `files`: those that the workers ran, path -> sha256; may be empty.

    For a user's file: `commit` and `dirty` of its repository, `files`, `sha256` over all of them, and `manyhands`, our own commit. A
    user's backend adds `backend`, and a strategy `sync`, with their own files and hash.
    """
    file = file_of(spec.workload)
    code = dict(ours)
    if file is not None and file.is_file():
        file = file.resolve()
        code = commit_of(file) | _hashed(files or files_of(file)) | {"manyhands": code}
    for field in OF_CELLS:
        if (own := file_of(getattr(spec, field))) and own.is_file():
            code[field] = _hashed(files_of(own.resolve()))
    return code


def _hashed(files: Mapping[str, str]) -> dict[str, Any]:
    return {"files": dict(files), "sha256": hashlib.sha256(json.dumps(dict(files), sort_keys=True).encode()).hexdigest()}


def files_of(file: Path) -> dict[str, str]:
    """A file and the modules beside it and of its package that its text imports, directly or through each other.

    Path below the folder of the file, or below that of its package -> sha256.
    """
    found: dict[str, str] = {}
    todo, root = [file], root_of(file)
    while todo:
        path = todo.pop()
        name = path.relative_to(root).as_posix()
        if name not in found:
            found[name] = sha256(path) or ""
            todo += [one for folder in {root, file.parent} for one in _imported(path, root, folder)]
    return dict(sorted(found.items()))


def _imported(path: Path, root: Path, folder: Path) -> Iterator[Path]:
    """The files below a folder that a file's imports may load. `root`: the folder from which its package is imported."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return
    for module in _modules(tree, path.relative_to(root).parent.parts):
        for end in range(1, len(module) + 1):
            place = folder.joinpath(*module[:end])
            yield from (one for one in (place.with_suffix(".py"), place / "__init__.py") if one.is_file())


def _modules(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The names of modules that import statements may mean, part by part. `package`: that of the file, for relative imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: max(0, len(package) - node.level + 1)] if node.level else ()
            words = (*start, *(node.module.split(".") if node.module else ()))
            yield from ((*words, alias.name) for alias in node.names)


def of_all_workers(codes: Iterable[Mapping[str, str]], backend: str) -> dict[str, str]:
    """The files that all workers ran, path -> sha256; one worker may have imported more than another.

    Raises EngineError when two workers ran different versions of a file.
    """
    found: dict[str, str] = {}
    differ = {name for code in codes for name, value in code.items() if found.setdefault(name, value) != value}
    if differ:
        raise EngineError(f"{backend}: the workers ran different versions of {', '.join(sorted(differ))}")
    return dict(sorted(found.items()))


def is_current(record: Record) -> bool:
    """True when the user's files that a record names are the same today; true also for a record without such files."""
    parts = (("workload", record.code), *((field, record.code.get(field, {})) for field in OF_CELLS))
    return all(_are_current(file_of(str(record.spec.get(name))), code.get("files", {})) for name, code in parts)


def _are_current(file: Path | None, files: Mapping[str, str]) -> bool:
    return file is None or all(sha256(root_of(file.resolve()) / name) == old for name, old in files.items())


def sha256(path: Path) -> str | None:
    """The hash of a file's bytes; None when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
