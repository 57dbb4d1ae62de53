"""The embedded points: blobs around known centres, any number of rows, made part by part so that they can exceed memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyhands.data.row_parts import part_rows

Floats = NDArray[np.float64]

CENTRES = 8
COLUMNS = tuple(f"x{number}" for number in range(8))
SPAN = 10.0
"""Half the width of the cube that holds the centres. The blobs have a deviation of 2, so neighbours overlap a little."""
DEVIATION = 2.0
PART_ROWS = part_rows(len(COLUMNS), np.float64)
DEFAULT_PARTS = 2
SEED = 8


def blob_centres() -> Floats:
    """(8, 8): the centres of the blobs, one a row."""
    return np.random.default_rng([SEED]).uniform(-SPAN, SPAN, (CENTRES, len(COLUMNS)))


def draw_blobs(part: int) -> Floats:
    """(131072, 8): the rows of part number `part`; they are always the same and do not depend on other parts."""
    chance = np.random.default_rng([SEED, part])
    blob = chance.integers(CENTRES, size=PART_ROWS)
    return blob_centres()[blob] + DEVIATION * chance.standard_normal((PART_ROWS, len(COLUMNS)))
