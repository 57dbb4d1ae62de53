"""Records -> CSV (one row a record, nested names joined by dots) and JSON (the records, and a summary of every cell)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from manyhands.analysis.cells import group_records
from manyhands.analysis.scaling import Time
from manyhands.analysis.summary import Summary, summarise
from manyhands.record import Record

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First signs that make a spreadsheet run a text as a formula."""


def to_csv(records: Sequence[Record]) -> str:
    """One row a record, every column that any record has. Lists (per worker, history, samples) are JSON in their cell.

    What was not measured is an empty cell. A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    rows = [dict(_flat("", json.loads(record.to_json()))) for record in records]
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, [_harmless(name) for name in names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({_harmless(name): _harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def to_json(records: Sequence[Record], time: Time = "train") -> str:
    """An object with `records`, as they were read, and `summary`, one object a cell (unit of every value in its name)."""
    summary = [
        {"workload": group.workload, "conditions": dict(group.conditions), "time": time} | _summary(row)
        for group in group_records(records)
        for row in summarise(group, time)
    ]
    whole = {"records": [json.loads(record.to_json()) for record in records], "summary": summary}
    return json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _summary(row: Summary) -> dict[str, Any]:
    cell = row.cell
    return {
        "backend": cell.backend,
        "workers": cell.workers,
        "threads": cell.threads,
        "variant": cell.variant,
        "runs": len(cell.records),
        "runs_measured": len(cell.measured),
        "is_base": row.is_base,
        "wall_s": asdict(row.wall) if row.wall else None,
        "train_s": asdict(row.train) if row.train else None,
        "speedup": asdict(row.speedup) if row.speedup else None,
        "efficiency": row.efficiency,
        "phases_mean_s": dict(row.phases),
        "train_split_share": dict(row.train_split),
        "cpu_percent": row.cpu_percent,
        "peak_pss_bytes": row.peak_bytes,
        "quality": {metric: asdict(values) for metric, values in row.quality.items()},
    }


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), item)
    else:
        yield name, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
