"""Workloads on one part of 8 MiB as many times over as there are samples: as large as wanted, and next to nothing on disk.

A test gives the engine a copy of this file in a folder of its own, where the part is then written.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from manyhands.data.points import Points
from manyhands.data.row_parts import Rows, write_part
from manyhands.data.tabular import LabelledRows
from manyhands.workloads.kmeans import KMeans
from manyhands.workloads.xgboost_trees import XGBoost

FOLDER = Path(__file__).parent


def repeated(samples, columns, dtype):
    rows = (8 << 20) // (columns * np.dtype(dtype).itemsize)
    chance = np.random.default_rng(0)
    x = chance.standard_normal((rows, columns)).astype(dtype)
    part = write_part(FOLDER, dtype, x + 5 * np.sign(x), (x[:, 0] > 0).astype(np.int32))
    return Rows((part,) * -(-samples // rows), tuple(f"x{number}" for number in range(columns)), dtype).first(samples)


@dataclass(frozen=True)
class LargePoints(KMeans):
    name: ClassVar[str] = "large-points"

    def load(self, data_dir, samples):
        rows = repeated(samples, 8, "float64")
        return Points(replace(rows, parts=tuple(replace(part, y_path=None) for part in rows.parts)), "one part many times over")


@dataclass(frozen=True)
class LargeTable(XGBoost):
    name: ClassVar[str] = "large-table"

    def load(self, data_dir, samples):
        rows = repeated(samples, 128, "float32")
        return LabelledRows(rows, rows.first(1000), ("0", "1"), "y", "one part many times over")
