"""How long a report of many records takes, from their file to the page, in a fresh process as a user starts it.

The target: 10,000 records to a page in under 5 s and 500 MB (`peak_mb` in `extra_info`, the process that packs the scripts
counted in), and under 10 MB of page for 1,000 records (`page_mb`).

    pytest benchmarks/pytest_suite/test_report.py --benchmark-only
"""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyhands.analysis.example import example_record

pytest.importorskip("vl_convert", reason="needs vl-convert-python: pip install 'manyhands[report]'")
BACKENDS = {"serial": (1,), **dict.fromkeys(("dask", "ddp", "fabric-ddp", "ray", "spark"), (1, 2, 4, 8, 16, 32))}
WORKLOADS = 20
SAMPLES, EPOCHS = 60, 5


def write_records(path: Path, count: int) -> None:
    """Records as large as real ones: samples over time, a history, the values of every worker."""
    chance = random.Random(0)
    cells = [(f"workload-{place}", b, n) for place in range(WORKLOADS) for b, counts in BACKENDS.items() for n in counts]
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            repeat, place = divmod(number, len(cells))
            workload, backend, workers = cells[place]
            train_s = 10 / workers**0.8 * chance.lognormvariate(0, 0.05)
            worker = {
                "host": "example",
                "pid": 1,
                "threads": 1,
                "rows_seen": 4096,
                "cpu_s": train_s,
                "phases": {"train_s": train_s},
            }
            record = example_record(
                train_s,
                {"workload": workload, "backend": backend, "workers": workers, "repeat": repeat},
                id=str(number),
                per_worker=tuple({"rank": rank} | worker for rank in range(workers)),
                resources={"cpu_s": 1.0, "samples": [[t / 5, t * workers / 5, 1e8 * chance.random()] for t in range(1, SAMPLES)]},
                history=tuple(
                    {"epoch": e, "loss": 1 / e, "accuracy": 1 - 1 / e, "elapsed_s": e * train_s} for e in range(1, EPOCHS)
                ),
            )
            file.write(record.to_json() + "\n")


@pytest.mark.benchmark(group="records to a report")
@pytest.mark.parametrize("form", ["html", "table"])
@pytest.mark.parametrize("count", [1000, 10_000])
def test_report(benchmark: Any, tmp_path: Path, count: int, form: str) -> None:
    records, report = tmp_path / "records.jsonl", tmp_path / f"report.{form}"
    write_records(records, count)
    command = [sys.executable, "-m", "manyhands", "report", str(records), "--format", form, "-o", str(report)]
    benchmark.pedantic(subprocess.run, (command,), {"check": True}, rounds=3)
    benchmark.extra_info |= {"page_mb": report.stat().st_size / 1e6, "peak_mb": peak_bytes(command) / 1e6}


def peak_bytes(command: list[str]) -> int:
    """The most memory that the process and its children had resident together, seen every 20 ms, in a run apart from the timed."""
    process = psutil.Popen(command)
    ended, peak = threading.Event(), 0
    while process.poll() is None:
        with_children = [process, *process.children(recursive=True)]
        peak = max(peak, sum(resident(one) for one in with_children))
        ended.wait(0.02)
    return peak


def resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
