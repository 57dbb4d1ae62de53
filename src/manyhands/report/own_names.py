"""Workloads and backends of users' files: reports show the name of the class, and its path once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from manyhands.record import Record

MARK = ".py:"
"""In the name of a class from a file, `path/to/file.py:Name`."""
FIELDS = ("workload", "backend")


def with_class_names(records: Sequence[Record]) -> tuple[Sequence[Record], Mapping[str, str]]:
    """The records with the names of classes in place of their paths, and each of these names with its path.

    Two classes of one name are distinguished by their files, and if these have one name too, by their paths. Commands name the file
    without its folder, so that they work inside it.
    """
    met = dict.fromkeys(str(record.spec.get(name)) for record in records for name in FIELDS)
    own = [name for name in met if MARK in name]
    if not own:
        return records, {}
    shown = {name: name for name in met}
    for short in (_of_file, _of_class):
        shorter = {name: short(name) if name in own else name for name in met}
        uses = Counter(shorter.values())
        shown |= {name: shorter[name] for name in own if uses[shorter[name]] == 1}
    return [_renamed(record, shown) for record in records], {shown[name]: name for name in own}


def _of_class(name: str) -> str:
    return name.rpartition(MARK)[2]


def _of_file(name: str) -> str:
    return name.rpartition("/")[2]


def _renamed(record: Record, shown: Mapping[str, str]) -> Record:
    given = {name: str(record.spec[name]) for name in FIELDS if MARK in str(record.spec.get(name))}
    if not given:
        return record
    command = record.command
    for name in given.values():
        command = command.replace(name, _of_file(name))
    return replace(record, spec={**record.spec, **{field: shown[name] for field, name in given.items()}}, command=command)
