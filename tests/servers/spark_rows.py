"""Rows for the tests of Spark's estimators, and the memory limit that they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from manyhands.data.row_parts import Rows, write_part

LIMIT = 8_000_000


def points(folder: Path, *sizes: int) -> Rows:
    """Rows of four columns in parts of these sizes: three heaps, and a few rows far off."""
    chance = np.random.default_rng(5)
    heaps = chance.normal(size=(3, 4)) * 10
    parts = []
    for number, size in enumerate(sizes):
        x = heaps[chance.integers(3, size=size)] + chance.normal(size=(size, 4))
        x[:: max(1, size // 4)] *= 3
        parts.append(write_part(folder, f"points-{number}", x))
    return Rows(tuple(parts), ("a", "b", "c", "d"), "float64")
