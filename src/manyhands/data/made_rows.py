"""The embedded classification rows: 28 features, two classes and any number of rows, generated part by part.

The label is drawn at random; its probability depends on single features, a product and a threshold. So trees and networks
both learn something, and no model can be perfect. scikit-learn's `make_classification` cannot continue the same classes in a
second part, so its rows could not exceed memory.
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
    """x (74898, 28) and y (74898,) of training part number `part`; always the same rows."""
    return _draw(PART_ROWS, part + 1)


def draw_test_rows() -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """x (16384, 28) and y (16384,) of the held-out rows; no training part contains them."""
    return _draw(TEST_ROWS, 0)


def _draw(rows: int, stream: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    chance = np.random.default_rng([SEED, stream])
    x = chance.standard_normal((rows, len(COLUMNS)), np.float32)
    odds = 1.2 * x[:, 0] - 0.8 * x[:, 1] + 1.5 * x[:, 2] * x[:, 3] + 2.0 * (x[:, 4] > 0.5) + np.abs(x[:, 5]) - 1.4
    share = 1 / (1 + np.exp(-1.5 * odds))
    return x, (chance.random(rows, np.float32) < share).astype(np.int32)
