"""The embedded classification rows: 28 features and two classes, any number of rows, made part by part.

The label is a coin whose odds depend on single features, a product and a threshold, so that trees and networks both find
something and nobody finds everything. scikit-learn's `make_classification` cannot go on with the same classes in a second
part, so it could not exceed memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyhands.data.row_parts import part_rows

COLUMNS = tuple(f"x{number}" for number in range(28))
CLASSES = ("0", "1")
PART_ROWS = part_rows(len(COLUMNS), np.float32)
DEFAULT_PARTS = 1
TEST_ROWS = 16384
SEED = 28


def draw_rows(part: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """x (74898, 28) and y (74898,) of training part number `part`, the same ones each time."""
    return _draw(PART_ROWS, part + 1)


def draw_test_rows() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """x (16384, 28) and y (16384,) held out from every training part."""
    return _draw(TEST_ROWS, 0)


def _draw(rows: int, stream: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    chance = np.random.default_rng([SEED, stream])
    x = chance.standard_normal((rows, len(COLUMNS)), np.float32)
    odds = 1.2 * x[:, 0] - 0.8 * x[:, 1] + 1.5 * x[:, 2] * x[:, 3] + 2.0 * (x[:, 4] > 0.5) + np.abs(x[:, 5]) - 1.4
    share = 1 / (1 + np.exp(-1.5 * odds))
    return x, (chance.random(rows, np.float32) < share).astype(np.int32)
