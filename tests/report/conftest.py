"""Records with what a report can show, and records that try to break out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from manyhands.analysis.example import example_record
from manyhands.record import Record

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>\"'&"
"""Ends a script, starts one, and closes attributes of both kinds."""


def full_record(workload: str, backend: str, workers: int, repeat: int, name: str = "class", **changes: Any) -> Record:
    """A record with everything that has a chart; `name` stands in every field where a name is free."""
    quality = {
        "accuracy": 0.5 + repeat / 10,
        "roc_auc": 0.8,
        "confusion_matrix": [[5, 1], [2, 8]],
        "classification_report": {name: {}, "other": {}, "accuracy": 0.8},
        "roc_curve": {"false_positive": [0.0, 0.2, 1.0], "true_positive": [0.0, 0.7, 1.0]},
        "scatter": {"x": [1.0, 2.0, 3.0], "y": [3.0, 2.0, 1.0], "cluster": [name, 1, 2], "columns": [name, "income"]},
    }
    whole = {
        "id": f"{workload}-{backend}-{workers}-{repeat}",
        "quality": quality,
        "history": tuple({"epoch": e, "loss": 1 / e, "accuracy": e / 9, "elapsed_s": float(e)} for e in range(1, 4)),
        "resources": {"samples": [[0.1 * t, 0.1 * t * workers, 1e8 * workers] for t in range(1, 9)], "cpu_s": 1.0},
    }
    asked = {"workload": workload, "backend": backend, "workers": workers, "repeat": repeat, "settings": {name: name}}
    return example_record(5.0 / workers + repeat / 10, asked, **whole | changes)


def full_records(workload: str = "xgboost", backends: Sequence[str] = ("serial", "dask"), name: str = "class") -> list[Record]:
    """Two launches of serial, and of every other backend with 1, 2 and 4 workers."""
    cells = [(backend, workers) for backend in backends for workers in ((1,) if backend == "serial" else (1, 2, 4))]
    return [full_record(workload, *cell, repeat, name) for cell in cells for repeat in range(2)]


@pytest.fixture
def full() -> list[Record]:
    return full_records()


@pytest.fixture(scope="session")
def hostile() -> list[Record]:
    """Records whose every free field holds HOSTILE: measured, failed, left out, and one that stands apart."""
    anywhere = {
        "data": {"name": HOSTILE, "source": HOSTILE, "sha256": HOSTILE, "rows": {HOSTILE: 1}},
        "machine": {"host": HOSTILE, "cpu_model": HOSTILE, "os": HOSTILE, "python": HOSTILE, "cores": 2},
        "versions": {HOSTILE: HOSTILE},
        "code": {"commit": HOSTILE},
        "command": HOSTILE,
        "resolved": {"engine": HOSTILE},
        "started_at": HOSTILE,
    }
    cells = [("serial", 1), (HOSTILE, 1), (HOSTILE, 2)]
    measured = [full_record(HOSTILE, *cell, repeat, HOSTILE, **anywhere) for cell in cells for repeat in range(2)]
    odd = {HOSTILE: HOSTILE, "accuracy": HOSTILE, "scatter": HOSTILE, "roc_curve": [HOSTILE], "confusion_matrix": HOSTILE}
    return [
        *measured,
        full_record(HOSTILE, "failed", 4, 0, HOSTILE, status="failed", reason=HOSTILE),
        full_record(HOSTILE, HOSTILE, 8, 0, HOSTILE, status="skipped", reason=HOSTILE),
        full_record("apart", "serial", 1, 0, HOSTILE, quality=odd, history=({HOSTILE: 1, "loss": HOSTILE},)),
    ]
