"""Files -> records: JSON Lines as `manyhands run` writes it, pytest-benchmark's JSON, or the JSON of a report."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from manyhands.errors import RecordError
from manyhands.record import Record, iterate_records, read_records


def load(paths: Iterable[Path], with_workers: bool = True) -> list[Record]:
    """The records of all files in order, each once even when it stands in two files.

    Without the values of every worker, which most reports show of studies alone, they take half the memory; what stays is the
    host of those that were not on the driver's. A folder stands for its record files (*.jsonl), `-` for standard input. Raises
    RecordError, naming the file, when one cannot be read or all are empty.
    """
    paths = [file for path in paths for file in record_files(path)]
    found: dict[str, Record] = {}
    with _collector_paused():
        for path in paths:
            for record in _read_json(path) if path.suffix == ".json" else iterate_records(path):
                found.setdefault(
                    record.id, record if with_workers or record.study else replace(record, per_worker=elsewhere(record))
                )
    if not found:
        raise RecordError(f"no records in {', '.join(map(str, paths))}; make some with 'manyhands run --out {paths[0]}'")
    return list(found.values())


def record_files(path: Path) -> list[Path]:
    """The files that a path stands for."""
    if str(path) == "-":
        return [Path("/dev/stdin")]
    if not os.path.isdir(path):  # unlike Path.is_dir, it takes a name that is too long for no folder
        return [path]
    found = sorted(path.glob("*.jsonl"))
    if not found:
        raise RecordError(
            f"no record file (*.jsonl) in the folder {path}; make some with 'manyhands run --out {path / 'r.jsonl'}'"
        )
    return found


def elsewhere(record: Record) -> tuple[dict[str, Any], ...]:
    """The hosts of the workers, where there are others than the driver's."""
    hosts = [worker.get("host") for worker in record.per_worker]
    return tuple({"host": host} for host in hosts) if {*hosts} - {record.machine.get("host")} else ()


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Records hold no cycles, and looking for some among millions of values takes a third of the time to read them."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _read_json(path: Path) -> Iterator[Record]:
    try:
        whole = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError:
        yield from read_records(path)  # JSON Lines under the name of JSON: its errors name the line
        return
    except RecursionError:
        raise RecordError(f"cannot read records from {path}: its lists lie too deep inside each other") from None
    except FileNotFoundError:
        raise RecordError(f"no records at {path}; make some with 'manyhands run --out {path}'") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"cannot read records from {path}: {error}") from None
    for place, values in enumerate(_values(whole), start=1):
        try:
            yield Record.from_json(json.dumps(values))
        except RecordError as error:
            raise RecordError(f"{path}: record {place}: {error}") from None


def _values(whole: Any) -> list[Any]:
    """The records in a report (`records`), in a benchmark file (`records` of each `extra_info`), or the one that it is."""
    if not isinstance(whole, dict):
        return [whole]
    if isinstance(benchmarks := whole.get("benchmarks"), list):
        return [values for benchmark in benchmarks for values in _extra_records(benchmark)]
    records = whole.get("records")
    return records if isinstance(records, list) else [whole]


def _extra_records(benchmark: Any) -> list[Any]:
    """The records beside one benchmark's own values; none where there are none."""
    extra = benchmark.get("extra_info") if isinstance(benchmark, dict) else None
    records = extra.get("records") if isinstance(extra, dict) else None
    return records if isinstance(records, list) else []
