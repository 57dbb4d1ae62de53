"""Records, summaries and predictions -> pandas data frames with flat column names; a value that is not known is NaN or <NA>."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.predictable import Family
from manyhands.analysis.ratios import Ratio
from manyhands.analysis.spread import Estimate, LaunchSpread
from manyhands.analysis.summary import Summary
from manyhands.analysis.verdicts.results import Comparison
from manyhands.errors import Unavailable
from manyhands.record import Record
from manyhands.report.columns import metrics
from manyhands.report.comparison import verdict
from manyhands.report.csv_and_json import flat_columns
from manyhands.report.group_view import GroupView
from manyhands.report.prediction import Found, title

if TYPE_CHECKING:
    import pandas as pd

UNITS = ("_s", "_bytes", "_percent")
"""Ends of the names of numbers; a column of such a name without any value holds NaN."""
LARGEST = 2**63 - 1
SUMMARY_TYPES: Mapping[str, str] = {
    "group": "int64",
    "title": "string",
    "workload": "string",
    "backend": "string",
    "variant": "string",
    "workers": "int64",
    "threads": "int64",
    "is_base": "bool",
    "runs": "int64",
    "launches": "int64",
    "train_s": "float64",
    "train_sd_s": "float64",
    "wall_s": "float64",
    "wall_sd_s": "float64",
    "speedup": "float64",
    "speedup_low": "float64",
    "speedup_high": "float64",
    "whole_run_speedup": "float64",
    "whole_run_speedup_low": "float64",
    "whole_run_speedup_high": "float64",
    "place": "string",
    "to_target_s": "float64",
    "to_target_sd_s": "float64",
    "to_target_reached": "float64",
    "limit_share": "float64",
    "limit_share_low": "float64",
    "limit_share_high": "float64",
    "lost_s": "float64",
    "lost_to_exchange_s": "float64",
    "lost_to_small_batches_s": "float64",
    "lost_to_machine_s": "float64",
    "efficiency": "float64",
    "efficiency_low": "float64",
    "efficiency_high": "float64",
    "serial_fraction": "float64",
    "serial_fraction_low": "float64",
    "serial_fraction_high": "float64",
    "core_hours": "float64",
    "core_hours_ratio": "float64",
    "core_hours_ratio_low": "float64",
    "core_hours_ratio_high": "float64",
    "cpu_s": "float64",
    "cpu_percent": "float64",
    "peak_memory_bytes": "float64",
}
"""Column of a summary -> its type; the metrics of quality follow."""
PREDICTION_TYPES: Mapping[str, str] = {
    "family": "string",
    "workload": "string",
    "backend": "string",
    "variant": "string",
    "threads": "int64",
    "workers": "int64",
    "algorithm": "string",
    "step_rows": "Int64",
    "steps": "Int64",
    "busy_s": "float64",
    "exposed_s": "float64",
    "train_s": "float64",
    "train_low_s": "float64",
    "train_high_s": "float64",
    "speedup": "float64",
    "efficiency": "float64",
    "reason": "string",
}
"""Column of a table of predictions -> its type."""


COMPARISON_TYPES: Mapping[str, str] = {
    "cell": "string",
    "metric": "string",
    "base": "float64",
    "head": "float64",
    "ratio": "float64",
    "ratio_low": "float64",
    "ratio_high": "float64",
    "pairs": "int64",
    "verdict": "string",
}
"""Column of a table of verdicts -> its type."""


def record_frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row a record, the columns of the CSV: `spec.backend`, `phases.train_s`, ... Lists are JSON texts.

    Raises Unavailable without pandas.
    """
    columns = flat_columns(records)
    frame = _frame(columns, {name: _type(name, values) for name, values in columns.items()})
    if records:
        frame["started_at"] = _dates(frame["started_at"])
    return frame


def summary_frame(views: Sequence[GroupView]) -> pd.DataFrame:
    """One row for each measured cell of each group, in the order of the tables. Raises Unavailable without pandas."""
    rows = [{"group": number, **_cell(view, row)} for number, view in enumerate(views, start=1) for row in view.summaries]
    named = dict.fromkeys(metric for view in views for metric in metrics(view.summaries))
    quality = {f"quality_{metric}{end}": "float64" for metric in named for end in ("", "_sd")}
    return _rows_frame(rows, {**SUMMARY_TYPES, **quality})


def prediction_frame(predictions: Sequence[tuple[Family, Found]], workers: Sequence[int]) -> pd.DataFrame:
    """One row for each family, worker count of `workers` and algorithm, or one with the reason why there is no prediction.

    Raises Unavailable without pandas.
    """
    rows = [row for family, found in predictions for count in workers for row in _forecasts(family, found, count)]
    return _rows_frame(rows, PREDICTION_TYPES)


def comparison_frame(found: Comparison) -> pd.DataFrame:
    """One row for each metric of each cell of a comparison of two commits. Raises Unavailable without pandas."""
    rows = [
        {
            "cell": cell.label,
            "metric": one.metric,
            "base": one.base,
            "head": one.head,
            "ratio": one.judgement.ratio,
            "ratio_low": one.judgement.low,
            "ratio_high": one.judgement.high,
            "pairs": one.judgement.pairs,
            "verdict": verdict(one),
        }
        for cell in found.cells
        for one in cell.judged
    ]
    return _rows_frame(rows, COMPARISON_TYPES)


def _forecasts(family: Family, found: Found, workers: int) -> list[dict[str, Any]]:
    """The rows of one family and worker count."""
    about: dict[str, Any] = {
        "family": title(family),
        "workload": family.group.workload,
        "backend": family.backend,
        "variant": family.variant,
        "threads": family.threads,
        "workers": workers,
    }
    if isinstance(found, NotIdentifiable):
        return [about | {"reason": str(found)}]
    if workers in found.impossible:
        return [about | {"reason": found.impossible[workers]}]
    return [
        about
        | {
            "algorithm": row.algorithm,
            "step_rows": row.batch,
            "steps": row.steps,
            "busy_s": row.busy,
            "exposed_s": row.exposed,
            "train_s": row.train.value,
            "train_low_s": row.train.low,
            "train_high_s": row.train.high,
            "speedup": row.speedup,
            "efficiency": row.speedup / row.workers,
        }
        for row in found.forecasts
        if row.workers == workers
    ]


def _cell(view: GroupView, row: Summary) -> dict[str, Any]:
    """The row of one cell. The base line is 1 x itself by definition, as the tables show it."""
    own = 1.0 if row.is_base else None
    values = {
        "title": view.title,
        "workload": view.group.workload,
        "backend": row.cell.backend,
        "variant": row.cell.variant,
        "workers": row.cell.workers,
        "threads": row.cell.threads,
        "is_base": row.is_base,
        "runs": len(row.cell.records),
        "launches": len(row.cell.measured),
        **_ratio("speedup", row.speedup, own),
        **_ratio("whole_run_speedup", row.whole_run, own),
        "place": row.place,
        **_to_target(row),
        **_limit(row),
        **_ratio("efficiency", row.efficiency, own),
        **_ratio("serial_fraction", row.serial_fraction, None),
        "core_hours": row.core_hours,
        **_ratio("core_hours_ratio", row.core_hours_ratio, own if row.core_hours is not None else None),
        "cpu_s": row.cpu_s,
        "cpu_percent": row.cpu_percent,
        "peak_memory_bytes": row.peak_bytes,
    }
    values |= _mean_and_sd("train", "_s", row.train) | _mean_and_sd("wall", "_s", row.wall)
    for metric, spread in row.quality.items():
        values |= {f"quality_{metric}": spread.mean, f"quality_{metric}_sd": spread.sd}
    return values


def _to_target(row: Summary) -> dict[str, float | None]:
    """Seconds until the target, and the share of launches that reached it; empty without a target."""
    found = row.to_target
    if found is None:
        return {}
    share = found.reached / found.scored if found.scored else None
    return {"to_target_reached": share} | _mean_and_sd("to_target", "_s", found.seconds)


def _limit(row: Summary) -> dict[str, float | None]:
    """The share of its limit that a cell reaches, and the seconds that it lost; empty without one."""
    if row.limit is None:
        return {}
    share, lost = _ratio("limit_share", row.limit.share, None), row.limit.lost
    if lost is None:
        return share
    parts = {"exchange": lost.exchange_s, "small_batches": lost.small_batches_s, "machine": lost.machine_s}
    return share | {"lost_s": lost.all_s} | {f"lost_to_{name}_s": value for name, value in parts.items()}


def _ratio(name: str, ratio: Ratio | Estimate | None, own: float | None) -> dict[str, float | None]:
    """The value and the bounds; `own` where there is no ratio."""
    values = (ratio.value, ratio.low, ratio.high) if ratio else (own, own, own)
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _mean_and_sd(name: str, unit: str, values: LaunchSpread | None) -> dict[str, float | None]:
    return {f"{name}{unit}": values.mean, f"{name}_sd{unit}": values.sd} if values else {}


def _rows_frame(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> pd.DataFrame:
    """A frame with these columns, also when there are no rows."""
    return _frame({name: [row.get(name) for row in rows] for name in types}, types)


def _frame(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> pd.DataFrame:
    """The columns with their types; raises Unavailable, with the install command, when pandas is missing."""
    try:
        import pandas as pd
    except ImportError:
        raise Unavailable("a data frame needs pandas: pip install pandas") from None
    return pd.DataFrame(dict(columns), dtype=object).astype(dict(types))


def _type(name: str, values: Sequence[Any]) -> str:
    """The type of a column: whole numbers, truth values and texts stay what they are, also where some are missing."""
    kinds, complete = {type(value) for value in values if value is not None}, None not in values
    if kinds == {int}:
        fits = all(-LARGEST <= value <= LARGEST for value in values if value is not None)
        return "object" if not fits else "int64" if complete else "Int64"
    if kinds == {bool}:
        return "bool" if complete else "boolean"
    if kinds == {float} or (not kinds and name.endswith(UNITS)):
        return "float64"
    return "string" if kinds else "object"


def _dates(texts: pd.Series[Any]) -> pd.Series[Any]:
    """The dates in UTC; the texts as they are when one of them is no date."""
    import pandas as pd

    try:
        return pd.to_datetime(texts, utc=True, format="ISO8601")
    except ValueError:
        return texts
