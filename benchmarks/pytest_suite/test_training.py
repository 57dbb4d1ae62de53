"""The time of a whole launch, for every workload, backend and worker count.

pytest-benchmark's time is the wall time of one launch in a fresh process: from the start of the process until everything
it started has ended. The record of each launch is in `extra_info`, with the steady part (`train_s`, `step_ms`) beside it.

    pytest benchmarks/pytest_suite --benchmark-only -k "cnn and serial"
    pytest benchmarks/pytest_suite --benchmark-only --mh-workloads lstm,cnn --mh-workers 1,2,4 --mh-rounds 5 --benchmark-autosave
    pytest benchmarks/pytest_suite --benchmark-only --benchmark-compare
"""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.plugins import backend_classes, workload_classes
from manyhands.pytest_cell import Cell


@pytest.mark.cells(*workload_classes(), backend=[*backend_classes()], workers=[1, 2], samples=2048, epochs=1, timeout=600)
def test_training(cell: Cell, benchmark: Any) -> None:
    cell.launch(benchmark)
