"""From the workers' reports to one `Fit`."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from manyhands.backends.base import Fit
from manyhands.backends.ranks.load import ROWS_SUM_MODULUS
from manyhands.backends.ranks.report import RankReport
from manyhands.errors import EngineError
from manyhands.plan import RunSpec
from manyhands.user_code import of_all_workers
from manyhands.workloads.kinds.collective import ELEMENT_BYTES

ABOUT_ITSELF = ("rank", "host", "pid", "threads", "rows_seen")
TIME_AND_MEMORY = (
    *("phases", "train_split", "cpu_user_s", "cpu_system_s", "memory_layout"),
    *("peak_rss_bytes", "peak_pss_bytes"),
)
NETWORK_FIELDS = (
    *(*ABOUT_ITSELF, "rows_sha256", *TIME_AND_MEMORY, "yardstick"),
    *("fetch_s", "bytes_moved", "requests", "saved_bytes"),
)
"""Fields of a worker of a network that a record keeps."""
COLLECTIVE_FIELDS = (*ABOUT_ITSELF, *TIME_AND_MEMORY, "all_reduce")
"""Fields of a worker of an all-reduce that a record keeps."""


def network_fit(reports: Sequence[Mapping[str, Any]], spec: RunSpec) -> Fit:
    """The run's result; raises EngineError when a worker is missing, started from other weights, or ran other code."""
    ranks = _by_rank(reports, spec)
    if len({report.init_sha256 for report in ranks}) > 1:
        raise EngineError(f"{spec.backend}: the workers started from different initial weights")
    first = ranks[0]
    history = [_epoch(entries) for entries in zip(*(report.history for report in ranks), strict=True)]
    return Fit(
        workers=[report.worker for report in ranks],
        worker_fields=NETWORK_FIELDS,
        resolved={**first.resolved, **trained(ranks, spec), **first_of_no_number(history)},
        quality=first.quality,
        history=history,
        data=_data(ranks),
        init_sha256=first.init_sha256,
        code=of_all_workers((report.code for report in ranks), spec.backend),
    )


def trained(ranks: Sequence[RankReport], spec: RunSpec) -> dict[str, Any]:
    """Rows and epochs that all workers trained together, where the spec and the size of the data do not say it."""
    if spec.counts_epochs and ranks[0].resolved.get("rows_per_epoch") is not None:
        return {}
    rows = sum(entry["rows"] for report in ranks for entry in report.history)
    return {"rows_trained": rows, "epochs_trained": len(ranks[0].history)}


def first_of_no_number(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The first epoch whose loss is NaN or infinite; empty when there is none."""
    lost = next((entry["epoch"] for entry in history if not math.isfinite(entry["loss"])), None)
    return {} if lost is None else {"not_finite_from_epoch": lost}


def collective_fit(reports: Sequence[Mapping[str, Any]], spec: RunSpec) -> Fit:
    """The run's result: for every size the slowest worker's seconds of each repetition.

    Raises EngineError when a worker is missing or a sum was wrong.
    """
    ranks = _by_rank(reports, spec)
    resolved = dict(ranks[0].resolved)
    measured = [report.worker.all_reduce or [] for report in ranks]
    for rank, sizes in enumerate(measured):
        for size in sizes:
            if not size["right"]:
                raise EngineError(f"{spec.backend} summed {size['elements']} elements wrongly on worker {rank}")
    resolved["all_reduce"] = [
        {
            "elements": sizes[0]["elements"],
            "bytes": sizes[0]["elements"] * ELEMENT_BYTES,
            "seconds": [max(taken) for taken in zip(*(size["seconds"] for size in sizes), strict=True)],
        }
        for sizes in zip(*measured, strict=True)
    ]
    if not resolved["all_reduce"]:
        raise EngineError(f"{spec.backend}: no host of its workers has memory left for one element; free some")
    return Fit(
        workers=[report.worker for report in ranks],
        worker_fields=COLLECTIVE_FIELDS,
        resolved=resolved,
        quality={"bus_bandwidth_gb_per_s": max(_bus_bandwidth(size, spec.workers) for size in resolved["all_reduce"]) / 1e9},
        history=[],
        data={},
        code=of_all_workers((report.code for report in ranks), spec.backend),
    )


def _bus_bandwidth(size: Mapping[str, Any], workers: int) -> float:
    """Bytes a second, times 2 (n - 1) / n: see `manyhands.analysis.exchange` and nccl-tests, doc/PERFORMANCE.md."""
    return float(size["bytes"] / statistics.median(size["seconds"]) * 2 * (workers - 1) / workers)


def _by_rank(reports: Sequence[Mapping[str, Any]], spec: RunSpec) -> list[RankReport]:
    """The reports in order of rank; raises EngineError when a worker is missing."""
    ordered = sorted(reports, key=lambda report: int(report["rank"]))
    ranks = [report["rank"] for report in ordered]
    if ranks != list(range(spec.workers)):
        raise EngineError(f"{spec.backend} was asked for {spec.workers} workers and returned ranks {ranks}")
    return [RankReport.from_dict(report) for report in ordered]


def _data(ranks: Sequence[RankReport]) -> dict[str, Any]:
    """The data of rank 0. With `--shard-data` the shares are combined; the hash does not depend on their number."""
    data = dict(ranks[0].data)
    if "rows_sum" not in data:
        return data
    del data["rows_sum"]
    train = sum(int(report.data["rows_sum"], 16) for report in ranks) % ROWS_SUM_MODULUS
    data["sha256"] = hashlib.sha256(f"{train:x} {data.pop('test_rows_sum')}".encode()).hexdigest()
    data["rows"] = dict(data["rows"]) | {"train": sum(report.data["rows"]["train"] for report in ranks)}
    return data


def _epoch(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rows = sum(entry["rows"] for entry in entries) or 1
    merged = {name: value for name, value in entries[0].items() if name not in ("loss_sum", "rows")}
    merged["loss"] = sum(entry["loss_sum"] for entry in entries) / rows
    merged["elapsed_s"] = max(entry["elapsed_s"] for entry in entries)
    return merged
