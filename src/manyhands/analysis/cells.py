"""Records -> groups that may be compared, and in each group its cells.

A group is one workload under one set of conditions: machine, data, sizes, settings, library versions, code. Records with
different conditions are never averaged; `differences` lists the differences. A cell is one backend at one worker count.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.analysis.disturbed import Time, left_out
from manyhands.record import BASE_LINE, EVERY_STEP, LIMIT, Record

CELL = ("backend", "workers", "threads", "nodes", "address", "prepare", "reuse_engine", "reader", "loader_workers", "sync")
"""Fields of the spec that distinguish cells inside a group; a report compares them."""
NEUTRAL = ("repeat", "timeout_s", "oversubscribe", "node_rank", "data_dir", "data", "save", "yardstick", "target")
"""Fields of the spec that do not affect the measurement, or that another field of the record describes better (the data's hash)."""
ADDED = {"memory_layout": "system", "steps": None, "max_seconds": None, "sync": EVERY_STEP}
"""Fields of the spec that older records do not have -> the value that their runs had."""
SYSTEM = "the system's"
"""The memory layout of workers that had neither huge pages nor fixed addresses."""
VOLATILE = ("load_1m", "load_5m", "load_15m", "memory_available_bytes", "cpu_mhz", "uptime_s", "warnings")
"""Fields of the machine that change from run to run."""


@dataclass(frozen=True)
class Cell:
    """One backend at one worker and thread count, with all its records in the order of the repeats."""

    backend: str
    workers: int
    threads: int
    variant: str
    """The difference from a cell with the same backend, workers and threads (`nodes 2`); empty without such a cell."""
    records: tuple[Record, ...]
    disturbed: frozenset[str] = frozenset()
    """The ids of successful launches that are left out, because other programs disturbed them."""

    @property
    def measured(self) -> tuple[Record, ...]:
        """The records of successful launches that count."""
        return tuple(record for record in self.records if record.ok and record.id not in self.disturbed)


@dataclass(frozen=True)
class Group:
    """The cells of one workload that may be compared with each other."""

    workload: str
    conditions: Mapping[str, str]
    """The conditions that all records share: name -> value as text."""
    cells: tuple[Cell, ...]
    limits: tuple[Cell, ...] = ()
    """The cells without any exchange: bounds for those of several workers, and no results."""

    @property
    def records(self) -> tuple[Record, ...]:
        """All records of all cells, and of the limits."""
        return tuple(record for cell in (*self.cells, *self.limits) for record in cell.records)

    @property
    def measured(self) -> tuple[Record, ...]:
        """The records of successful launches that count, without those of the limits."""
        return tuple(record for cell in self.cells for record in cell.measured)


def group_records(records: Iterable[Record], time: Time = "train") -> list[Group]:
    """The groups, sorted by workload and then by size. Their cells: `serial` first, then by backend, workers and threads.

    Launches that other programs disturbed during `time` are left out of the cells' measured ones, unless all of a group are disturbed.
    """
    by_workload: dict[str, list[Record]] = {}
    for record in records:
        by_workload.setdefault(str(record.spec.get("workload", "unknown")), []).append(record)
    return [group for name in sorted(by_workload) for group in _groups(name, by_workload[name], time)]


def differences(groups: Sequence[Group]) -> dict[str, list[str]]:
    """The conditions that differ between the groups: name -> its values; `missing` when a record lacks the condition."""
    names = dict.fromkeys(name for group in groups for name in group.conditions)
    values = {name: list(dict.fromkeys(group.conditions.get(name, "missing") for group in groups)) for name in names}
    return {name: met for name, met in values.items() if len(met) > 1}


def _groups(workload: str, records: Sequence[Record], time: Time) -> list[Group]:
    measured = [record for record in records if record.ok]
    everywhere = set.intersection(*(set(record.versions) for record in measured)) if measured else set()
    found: dict[tuple[tuple[str, str], ...], list[Record]] = {}
    known: dict[str, tuple[tuple[str, str], ...]] = {}
    for record in sorted(records, key=lambda record: not record.ok):
        spec = {name: value for name, value in {**ADDED, **record.spec}.items() if name not in (*CELL, *NEUTRAL, "workload")}
        if record.study.get("seeds"):  # each repeat has its own seed, so that quality has a spread over seeds
            spec["seed"] = record.study["seeds"]
        # Thousands of records have few different conditions: the text of each is made once.
        same = repr((spec, record.data.get("sha256"), record.machine, record.versions, record.code))
        key = known.get(same) or known.setdefault(same, tuple(_conditions(record, spec, everywhere).items()))
        if not record.ok:
            key = next((other for other in found if _may_join(dict(key), dict(other))), key)
        found.setdefault(key, []).append(record)
    groups = [_group(workload, dict(key), members, everywhere, left_out(members, time)) for key, members in found.items()]
    return sorted(groups, key=lambda group: -len(group.records))


def _group(
    workload: str, conditions: Mapping[str, str], records: Sequence[Record], everywhere: set[str], disturbed: frozenset[str]
) -> Group:
    parts = [[record for record in records if is_limit(record) is wanted] for wanted in (False, True)]
    cells, limits = (_cells(members, everywhere, disturbed) for members in parts)
    return Group(workload, conditions, cells, limits)


def is_limit(record: Record) -> bool:
    """True for a run without any exchange between its workers."""
    return bool(record.spec.get("sync") == LIMIT)


def _conditions(record: Record, spec: Mapping[str, Any], libraries: set[str]) -> dict[str, str]:
    """The conditions that must be equal in comparable records. Values that a run did not reach before it stopped are left out."""
    conditions = {name.replace("_", " "): _words(name, value) for name, value in spec.items()}
    if record.data.get("sha256"):
        conditions["data sha256"] = str(record.data["sha256"])[:12]
    machine = {name: value for name, value in record.machine.items() if name not in VOLATILE and value is not None}
    conditions |= {f"machine {name.replace('_', ' ')}": _words(name, value) for name, value in sorted(machine.items())}
    conditions |= {f"version of {name}": record.versions[name] for name in sorted(libraries & set(record.versions))}
    if record.code.get("commit"):
        conditions["code"] = _commit(record.code)
    if record.code.get("sha256"):
        conditions["code sha256"] = str(record.code["sha256"])[:12]
    if record.code.get("manyhands"):
        conditions["manyhands code"] = _commit(record.code["manyhands"])
    return conditions


def _commit(code: Mapping[str, Any]) -> str:
    return f"{str(code.get('commit'))[:12]}{' with changes' if code.get('dirty') else ''}"


def _words(name: str, value: Any) -> str:
    if value is None:
        return "all" if name == "samples" else "not set"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={json.dumps(item)}" for key, item in sorted(value.items())) or "defaults"
    return str(value)


def memory_layout(record: Record) -> str:
    """The memory layout that the workers of a run really had, such as `huge pages, fixed addresses`; empty when no worker knows it."""
    known = [worker["memory_layout"] for worker in record.per_worker if worker.get("memory_layout")]
    return " / ".join(sorted({_layout(one) for one in known}))


def _layout(settings: Mapping[str, bool | None]) -> str:
    had = [name.replace("_", " ") for name, value in settings.items() if value]
    return ", ".join(had) or SYSTEM


def _may_join(few: Mapping[str, str], many: Mapping[str, str]) -> bool:
    return all(many.get(name, value) == value for name, value in few.items())


def _cells(records: Sequence[Record], everywhere: set[str], disturbed: frozenset[str]) -> tuple[Cell, ...]:
    found: dict[tuple[tuple[str, str], ...], list[Record]] = {}
    for record in records:
        own = {f"version of {name}": value for name, value in record.versions.items() if name not in everywhere and record.ok}
        settings = {name: str({**ADDED, **record.spec}.get(name)) for name in CELL}
        if record.ok and (layout := memory_layout(record)):
            own["memory layout"] = layout
        for part in ("backend", "sync"):
            if record.code.get(part):
                own[f"{part} code"] = str(record.code[part].get("sha256"))[:12]
        if record.spec.get("nodes", 1) != 1:  # the address is only the meeting point of the nodes; its port changes with each job
            settings["address"] = "None"
        key = tuple((settings | dict(sorted(own.items()))).items())
        if not record.ok:
            key = next((other for other in found if _may_join(settings, dict(other))), key)
        found.setdefault(key, []).append(record)
    cells = [_cell(key, members, [dict(other) for other in found], disturbed) for key, members in found.items()]
    return tuple(sorted(cells, key=_order))


def _order(cell: Cell) -> tuple[bool, str, int, int, str]:
    return (cell.backend != BASE_LINE, cell.backend, cell.workers, cell.threads, cell.variant)


def _cell(
    key: tuple[tuple[str, str], ...],
    records: Sequence[Record],
    others: Sequence[Mapping[str, str]],
    disturbed: frozenset[str],
) -> Cell:
    own = dict(key)
    namesakes = [other for other in others if all(other[name] == own[name] for name in ("backend", "workers", "threads"))]
    apart = [
        value.rpartition("/")[2] if name == "sync" else f"{name} {value}"
        for name, value in own.items()
        if any(other.get(name, value) != value for other in namesakes) or (name == "sync" and value != EVERY_STEP)
    ]
    spec = records[0].spec
    ordered = sorted(records, key=lambda record: int(record.spec.get("repeat", 0)))
    return Cell(
        str(spec.get("backend")),
        int(spec.get("workers", 1)),
        int(spec.get("threads", 1)),
        ", ".join(apart),
        tuple(ordered),
        disturbed & {record.id for record in records},
    )
