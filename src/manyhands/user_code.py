"""The code of a run for its record: ours, or for a user's file, the commit of the user's repository and hashes of the files.

In: a spec, and the files that its workers ran. Out: the record's field `code`; later, whether a record is still of the code of today.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyhands.machine import commit_of
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.user_files import is_of_file, is_script


def file_of(workload: str) -> Path | None:
    """The user's file that a workload of a spec is in; None for one that can be imported."""
    if is_script(workload):
        return Path(workload)
    return Path(workload.rpartition(".py:")[0] + ".py") if is_of_file(workload) else None


def code_of(spec: RunSpec, ours: Mapping[str, Any], files: Mapping[str, str]) -> Mapping[str, Any]:
    """The field `code` of a record. `ours`: the commit of manyhands. `files`: those that the workers ran, path -> sha256; may be empty.

    For a user's file: `commit` and `dirty` of its repository, `files`, `sha256` over all of them, and `manyhands`, our own commit.
    """
    file = file_of(spec.workload)
    if file is None or not file.is_file():
        return ours
    file = file.resolve()
    files = dict(files) or {file.name: sha256(file) or ""}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    return commit_of(file) | {"files": files, "sha256": digest, "manyhands": dict(ours)}


def is_current(record: Record) -> bool:
    """True when the user's files that a record names are the same today; true also for a record without such files."""
    file, files = file_of(str(record.spec.get("workload"))), record.code.get("files", {})
    return file is None or all(sha256(file.resolve().parent / name) == old for name, old in files.items())


def sha256(path: Path) -> str | None:
    """The hash of a file's bytes; None when it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None
