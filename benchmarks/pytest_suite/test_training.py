"""How long a whole launch takes, for every workload, backend and worker count.

pytest-benchmark's time is the wall time of one launch in a fresh process: from the start of the process until everything
it started is gone. The record of each launch is in `extra_info`, with the steady part (`train_s`, `step_ms`) beside it.

    pytest benchmarks/pytest_suite --benchmark-only -k "cnn and serial"
    pytest benchmarks/pytest_suite --benchmark-only --mh-workloads lstm,cnn --mh-workers 1,2,4 --mh-rounds 5 --benchmark-autosave
    pytest benchmarks/pytest_suite --benchmark-only --benchmark-compare
"""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec, check_cores
from manyhands.plugins import workload_class
from manyhands.record import Record
from manyhands.run import Surroundings, measure, refusal

pytestmark = pytest.mark.timeout(0)  # each launch has its own limit, which also ends the processes it started


def test_training(benchmark: Any, cell: RunSpec, surroundings: Surroundings, rounds: int) -> None:
    if reason := why_not(cell):
        pytest.skip(reason)
    workload = workload_class(cell.workload).from_settings(cell.settings)
    workload.check_data(Path(cell.data_dir) if cell.data_dir else None, cell.total_samples)  # made before the clock starts
    records: list[Record] = []

    def launch() -> None:
        record = measure(cell, surroundings, position=len(records))
        if not record.ok:
            (pytest.skip if record.status == "skipped" else pytest.fail)(record.reason or record.status)
        records.append(record)

    benchmark.group = f"{cell.workload}: one launch"
    benchmark.pedantic(launch, iterations=1, rounds=rounds)
    benchmark.extra_info |= summary(records)


def why_not(cell: RunSpec) -> str | None:
    """Why the cell is not run on this machine, in words; None when it can be."""
    if reason := refusal(cell):
        return reason
    try:
        check_cores([cell], usable_cores())
    except UsageError as error:
        return str(error)
    return None


def summary(records: list[Record]) -> dict[str, Any]:
    """Medians over the launches (times in seconds unless the name says otherwise), and every record whole."""
    values = [json.loads(record.to_json()) for record in records]
    train_s = [value["phases"]["train_s"] for value in values]
    steps = [value["resolved"].get("steps_per_epoch", 0) * value["spec"]["epochs"] for value in values]
    peaks = [value["resources"]["peak_pss_bytes"] for value in values if value["resources"]["peak_pss_bytes"]]
    return {
        "train_s": median(train_s),
        "step_ms": median(1000 * s / n for s, n in zip(train_s, steps, strict=True)) if all(steps) else None,
        "peak_pss_mb": median(peaks) / 1e6 if peaks else None,
        "quality": values[-1]["quality"],
        "records": values,
    }
