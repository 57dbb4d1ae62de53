"""An epoch and a whole launch, for every workload, backend and worker count.

The rounds of pytest-benchmark are launches in fresh processes. Those of a network are divided by the yardstick inside the launches, so
that a threshold tells a slow-down from noise: docs/pytest-and-asv.md. The records of the launches are in `extra_info`, with medians.

    pytest benchmarks/pytest_suite --benchmark-only -k "training and cnn and serial" --benchmark-autosave
    pytest benchmarks/pytest_suite --benchmark-only -k "training and cnn and serial" --benchmark-compare --benchmark-compare-fail=min:10%
    pytest benchmarks/pytest_suite --benchmark-only --mh-workloads lstm,cnn --mh-workers 1,2,4 --mh-rounds 5
"""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.plugins import backend_classes, workload_classes
from manyhands.pytest_cell import Cell


@pytest.mark.cells(*workload_classes(), backend=[*backend_classes()], workers=[1, 2], samples=2048, timeout=600)
def test_training(cell: Cell, benchmark: Any) -> None:
    cell.launch(benchmark)
