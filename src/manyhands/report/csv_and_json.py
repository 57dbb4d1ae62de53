"""Records -> CSV (one row a record, nested names joined by dots) and JSON (the records, and a summary of every cell)."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from manyhands.analysis.best_law import Curve, choose, curves
from manyhands.analysis.cells import Cell, group_records
from manyhands.analysis.exchange import fit_link, is_exchange, messages, points
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.scaling import Time
from manyhands.analysis.spread import finite_or_none
from manyhands.analysis.summary import Summary, summarise
from manyhands.analysis.targets import target_of
from manyhands.record import Record

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First signs that make a spreadsheet run a text as a formula."""


def to_csv(records: Sequence[Record]) -> str:
    """One row a record, every column that any record has. Lists (per worker, history, samples) are JSON in their cell.

    What was not measured is an empty cell. A text that a spreadsheet would run as a formula gets an apostrophe before it.
    """
    rows = [flat_record(record) for record in records]
    names = _names(rows)
    text = io.StringIO()
    writer = csv.DictWriter(text, [_harmless(name) for name in names], restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({_harmless(name): _harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def flat_record(record: Record) -> dict[str, Any]:
    """Every value of a record under its dotted name; lists are JSON texts."""
    return dict(_flat("", json.loads(record.to_json())))


def flat_columns(records: Sequence[Record]) -> dict[str, list[Any]]:
    """The columns of the CSV, each with one type: name -> a value for every record; None where the record has none.

    Whole numbers beside others are floats. A column that holds more than one type is text throughout.
    """
    rows = [flat_record(record) for record in records]
    return {name: _one_type([row.get(name) for row in rows]) for name in _names(rows)}


def to_json(records: Sequence[Record], time: Time = "train") -> str:
    """An object with `records`, as they were read, `summary`, one object a cell, and `laws`, one object a backend.

    With records of kind `collective` also `exchange`, one object a cell. The unit of every value is in its name. Infinite values, like the peak of a law without one, are null.
    """
    summary, laws, exchanges = [], [], []
    for group in group_records(records, time):
        about = {"workload": group.workload, "conditions": dict(group.conditions), "time": time}
        summary += [about | _summary(row) for row in summarise(group, time, target_of(group))]
        if is_exchange(group):
            exchanges += [about | _exchange(cell) for cell in group.cells if cell.measured]
        else:
            laws += [about | _law(curve) for curve in curves(group, time)]
    whole = {"records": [json.loads(record.to_json()) for record in records], "summary": summary, "laws": laws} | (
        {"exchange": exchanges} if exchanges else {}
    )
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
        "whole_run_speedup": asdict(row.whole_run) if row.whole_run else None,
        "place": row.place,
        "to_target": asdict(row.to_target) if row.to_target else None,
        "limit_share": asdict(row.limit.share) if row.limit else None,
        "lost_s": asdict(row.limit.lost) if row.limit and row.limit.lost else None,
        "efficiency": asdict(row.efficiency) if row.efficiency else None,
        "serial_fraction": asdict(row.serial_fraction) if row.serial_fraction else None,
        "core_hours": row.core_hours,
        "core_hours_ratio": asdict(row.core_hours_ratio) if row.core_hours_ratio else None,
        "cpu_s": row.cpu_s,
        "phases_mean_s": dict(row.phases),
        "train_split_share": dict(row.train_split),
        "fetch_mean_s": row.fetch_s,
        "fetched_bytes_mean": row.fetched_bytes,
        "predict_mean_s": row.predict_s,
        "iterations_mean": row.iterations,
        "cpu_percent": row.cpu_percent,
        "peak_pss_bytes": row.peak_bytes,
        "quality": {metric: asdict(values) for metric, values in row.quality.items()},
    }


def _law(curve: Curve) -> dict[str, Any]:
    found = choose(curve)
    about = {"backend": curve.backend, "threads": curve.threads, "sync": curve.sync}
    if isinstance(found, NotIdentifiable):
        return about | {"law": None, "reason": str(found)}
    best = found.fits[0]
    return about | {
        "law": best.law.name,
        "gamma_rows_per_s": asdict(best.gamma),
        "parameters": {name: asdict(value) for name, value in best.parameters.items()},
        "peak_workers": {name: finite_or_none(value) for name, value in asdict(found.peak).items()},
        "error_at_largest_share": found.error_at_largest,
        "aicc": {fit.law.name: finite_or_none(fit.aicc) for fit in found.fits},
    }


def _exchange(cell: Cell) -> dict[str, Any]:
    """Every message of the cell in bytes, seconds and bytes a second; alpha and beta of a ring, null with the reason."""
    link = fit_link(points(cell.measured))
    fitted = (
        {"alpha_s": None, "beta_s_per_byte": None, "reason": str(link)}
        if isinstance(link, NotIdentifiable)
        else {"alpha_s": asdict(link.alpha), "beta_s_per_byte": asdict(link.beta)}
    )
    return {
        "backend": cell.backend,
        "workers": cell.workers,
        "threads": cell.threads,
        "messages": [asdict(message) for message in messages(cell)],
    } | fitted


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names that any row has, in the order in which they come first."""
    return list(dict.fromkeys(name for row in rows for name in row))


MOST = 1e300
"""Above it, a whole number of other people's records may not be a floating-point number."""


def _one_type(values: Sequence[Any]) -> list[Any]:
    """The values as they are when all are of one type (whole numbers count as numbers), else as text."""
    types = {type(value) for value in values if value is not None}
    if len(types) < 2:
        return list(values)
    if types == {int, float} and all(value is None or abs(value) <= MOST for value in values):
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}" if name else str(key), item)
    else:
        yield name, json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value


def _harmless(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
