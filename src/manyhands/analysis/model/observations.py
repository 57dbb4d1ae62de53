"""Cells -> their launches as arrays: the logarithm of the throughput of each, its cell and its block.

Runs inside one engine (`--reuse-engine`) are one launch: they share its processes, so their spread is within it. They count as one
launch with the mean of their logarithms, in a block of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from manyhands.analysis.ratios import Block, LaunchValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Places = NDArray[np.intp]


@dataclass(frozen=True)
class Observations:
    """One entry for each launch, in any order."""

    log: Array
    """Natural logarithm of the throughput, shape (launches,)."""
    cell: Places
    """Number of the cell, 0 ... cells - 1, shape (launches,)."""
    block: Places
    """Number of the block, 0 ... blocks - 1, shape (launches,)."""
    cells: int
    blocks: int

    @property
    def counts(self) -> Places:
        """The number of launches of every cell, shape (cells,)."""
        import numpy as np

        return np.bincount(self.cell, minlength=self.cells)


def observations(cells: Sequence[Sequence[LaunchValue]]) -> Observations:
    """The launches of the cells; each cell has at least one, and every value is above 0."""
    import numpy as np

    units: list[tuple[int, Block, float]] = []
    for number, launches in enumerate(cells):
        engines: dict[str, list[float]] = {}
        for launch in launches:
            if launch.engine:
                engines.setdefault(launch.engine, []).append(math.log(launch.value))
            else:
                units.append((number, launch.block, math.log(launch.value)))
        units += [(number, (f"engine {engine}", 0), fmean(logs)) for engine, logs in engines.items()]
    blocks = {key: number for number, key in enumerate(dict.fromkeys(block for _, block, _ in units))}
    return Observations(
        np.array([log for _, _, log in units]),
        np.array([cell for cell, _, _ in units], dtype=np.intp),
        np.array([blocks[block] for _, block, _ in units], dtype=np.intp),
        len(cells),
        len(blocks),
    )
