"""The record: the immutable result of one run, stored as one JSON line.

`append_record` writes whole lines only; `read_records` reads JSON Lines back. Both need only the standard library.
Schema history: 1 - first format.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
import stat
import warnings
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from manyhands.errors import DamagedLine, RecordError
from manyhands.schemas.json_text import NoJson, read_json
from manyhands.schemas.record import PHASES, REQUIRED, SCHEMA, STATUSES, TRAIN_SPLIT, record_check

__all__ = [
    "BASE_LINE",
    "EVERY_STEP",
    "LIMIT",
    "PHASES",
    "SCHEMA",
    "STATUSES",
    "TRAIN_SPLIT",
    "Record",
    "append_record",
    "check_writable",
    "read_records",
]

BASE_LINE = "serial"
"""The backend that trains in one process, which all others are compared with."""
EVERY_STEP, LIMIT = "every-step", "limit"
"""The strategies of `--sync` that are the default, and that exchange nothing: a bound, never a result."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One measured run. Raw values only; `None` means "not measured", never 0. Times in seconds, sizes in bytes."""

    id: str
    spec: Mapping[str, Any]
    """The requested run: the fields of `plan.RunSpec`."""
    status: str
    """`ok`, `failed` or `skipped`."""
    started_at: str
    """Start of the run, ISO 8601 in UTC."""
    reason: str | None = None
    """One line with the reason why the run failed or was skipped."""
    resolved: Mapping[str, Any] = field(default_factory=dict)
    """The run as executed: strategy, device, world size, per-worker batch, rows, steps."""
    wall_s: float | None = None
    """Seconds from the start of the fresh process until this process and all its child processes have ended."""
    phases: Mapping[str, float | None] = field(default_factory=dict)
    """`launch_s` ... `teardown_s`: contiguous phases, with the values of the slowest worker."""
    train_split: Mapping[str, float | None] = field(default_factory=dict)
    """`compute_s`, `communicate_s`, `input_s` of the worker with the longest compute time.

    `synchronise_s`: compressing, copying and averaging of a strategy that does so besides training; null with the others.
    """
    per_worker: tuple[Mapping[str, Any], ...] = ()
    resources: Mapping[str, Any] = field(default_factory=dict)
    """`cpu_s`, `cpu_percent`, `peak_pss_bytes` of the whole process tree, and the samples over time.

    `other_programs`: CPU seconds that others used (`used_s`) and that the host of a virtual machine withheld (`stolen_s`) in so many
    `seconds` of the `run` and of its `train`, and the average cores that both may take; null where the system hides them.
    """
    quality: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()
    """Per epoch: `epoch`, `loss`, `elapsed_s`, and the quality if it was requested."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """`name`, `source`, `sha256`, `rows`."""
    init_sha256: str | None = None
    machine: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    code: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    """The place of the run in its plan: `id` of the invocation, `position` in its order, `order_seed` of the shuffle.

    `why`: `least`, a launch of the plan's own blocks; `open: winner` or `open: 5%`, added because that question was open;
    `repeated: disturbed`, in place of a launch that other programs disturbed.
    """
    command: str = ""
    """The command that reproduces the run."""
    study: Mapping[str, Any] = field(default_factory=dict)
    """The study of the run, its use in the study, and the scale by the budget; empty without a study."""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if self.schema != SCHEMA:
            raise RecordError(f"record schema {self.schema} is unknown; this version reads schema {SCHEMA}: upgrade manyhands")
        if fault := record_check()(vars(self)):
            raise RecordError(f"record {str(self.id)[:80]}: {fault}")
        object.__setattr__(self, "per_worker", tuple(self.per_worker))
        object.__setattr__(self, "history", tuple(self.history))

    @property
    def ok(self) -> bool:
        """True when the run succeeded."""
        return self.status == "ok"

    def to_json(self) -> str:
        """One line of JSON without a line break; numbers that JSON cannot hold (NaN, infinity) become null."""
        return json.dumps(_finite(asdict(self)), ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> Record:
        """The record in one line; raises RecordError when the line is no record, or has an unknown schema."""
        try:
            values = read_json(line)
        except NoJson as error:
            raise RecordError(str(error)) from None
        if not _is_text(line):
            raise RecordError("not UTF-8")
        if not isinstance(values, dict) or "schema" not in values:
            raise RecordError("not a record: no 'schema' in it")
        if values["schema"] != SCHEMA or isinstance(values["schema"], bool):
            raise RecordError(
                f"schema {str(values['schema'])[:80]} is unknown; this version reads schema {SCHEMA}: upgrade manyhands"
            )
        names = {f.name for f in fields(cls)}
        if unknown := set(values) - names:
            raise RecordError(f"unknown fields {', '.join(sorted(unknown))}")
        if missing := set(REQUIRED) - set(values):
            raise RecordError(f"missing fields {', '.join(sorted(missing))}")
        if wrong := [name for name, kind in NESTED.items() if name in values and not isinstance(values[name], kind)]:
            raise RecordError(f"fields of the wrong type: {', '.join(wrong)}")
        return cls(**values)


def _is_text(line: str) -> bool:
    """False when a text has half a character: bytes that are no UTF-8, or such an escape in JSON."""
    if line.isascii() and "\\ud" not in line.lower():
        return True
    try:
        json.dumps(json.loads(line), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


NESTED = {f.name: list if str(f.type).startswith("tuple") else dict for f in fields(Record) if "Mapping" in str(f.type)}
"""Field -> the type that it has in JSON, for the fields that are objects or lists of objects."""


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def check_writable(path: Path) -> None:
    """Raises RecordError when records cannot be added to `path`. Call it before measuring. A file that is not there is not made."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            os.close(os.open(path, os.O_RDWR | os.O_APPEND))
        else:
            TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise _unwritable(path, error) from None


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise _unwritable(path, error) from None


def _unwritable(path: Path, error: OSError) -> RecordError:
    return RecordError(f"cannot write records to {path}: {error.strerror}; choose another file with --out")


def append_record(path: Path, record: Record) -> None:
    """Adds one complete line to `path`, or nothing: a full disk leaves the file unchanged. Safe with several writers.

    A last line that was cut when its writer was killed goes to a file of its own beside `path`, so that the new line is not glued to it.
    """
    line = (record.to_json() + "\n").encode()
    descriptor = _open(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = _whole_lines(descriptor, path)
        try:
            written = os.write(descriptor, line)
            if written < len(line):
                raise OSError(28, "No space left on device")
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.fsync(descriptor)
        except OSError as error:
            with suppress(OSError):  # a device, such as /dev/full, cannot be cut back
                os.ftruncate(descriptor, size)
            raise RecordError(
                f"cannot write records to {path}: {error.strerror}; {size} bytes already there are kept: make room, then add --resume"
            ) from None
    finally:
        os.close(descriptor)


BLOCK_BYTES = 2**16
START = b'{"id":'
"""Every record that this program has written begins so."""


def _whole_lines(descriptor: int, path: Path) -> int:
    """Makes the file end with a line break, and returns its size in bytes.

    A record without one gets it, as does a line that never was one. A record that was cut is moved to the file that `cut_lines` names.
    """
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return size
    start, last = size, b""
    while start > 0 and b"\n" not in last:
        before = max(0, start - BLOCK_BYTES)
        last, start = os.pread(descriptor, start - before, before) + last, before
    last = last.rpartition(b"\n")[2]
    if is_cut(last):
        with cut_lines(path).open("ab") as kept:
            kept.write(last + b"\n")
            os.fsync(kept.fileno())
        os.ftruncate(descriptor, size - len(last))
        warnings.warn(
            f"{path}: its last line was cut when its writer was killed, and is now in {cut_lines(path)}",
            DamagedLine,
            stacklevel=3,
        )
        return size - len(last)
    return size + os.write(descriptor, b"\n")


def is_cut(line: bytes) -> bool:
    """True for the first part of a record: it begins like one, and is no JSON."""
    if not line.startswith(START):
        return False
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return True
    return False


def cut_lines(path: Path) -> Path:
    """The file beside `path` that keeps lines which were cut."""
    return path.with_name(f"{path.name}.cut")


def read_records(path: Path) -> list[Record]:
    """All records of a JSON Lines file, in file order; raises RecordError that names the file and the line.

    A last line that was cut is left out, with a warning.
    """
    return list(iterate_records(path))


def iterate_records(path: Path) -> Iterator[Record]:
    """The records of a JSON Lines file one by one, so that not all are in memory; raises errors like `read_records`.

    A last line without a line break that is no JSON was cut when its writer was killed: it is left out, with a warning that names it.
    """
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    try:
                        yield Record.from_json(line)
                    except RecordError as error:
                        if line.endswith("\n") or not is_cut(line.encode(errors="surrogateescape")):
                            raise RecordError(f"{path}:{number}: {error}") from None
                        warnings.warn(
                            f"{path}:{number}: left out, cut when its writer was killed: {error}", DamagedLine, stacklevel=2
                        )
    except FileNotFoundError:
        raise RecordError(f"no records at {path}; make some with 'manyhands run --out {path}'") from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot read records from {path}: {error}") from None
