"""Cells -> their launches as arrays: the logarithm of the throughput of each, its cell and its block.

Runs inside one engine (`--reuse-engine`) are one launch: they share its processes, so their spread is within it. They count as one
launch with the mean of their logarithms, which belongs to all of their blocks in equal parts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
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
    block: Array
    """The part of the launch in every block, shape (launches, blocks); rows sum to 1."""
    cells: int

    @property
    def counts(self) -> Places:
        """The number of launches of every cell, shape (cells,)."""
        import numpy as np

        return np.bincount(self.cell, minlength=self.cells)


def observations(cells: Sequence[Sequence[LaunchValue]]) -> Observations:
    """The launches of the cells; each cell has at least one, and every value is above 0."""
    import numpy as np

    units = [(number, launches) for number, values in enumerate(cells) for launches in _units(values)]
    cell = np.array([number for number, _ in units], dtype=np.intp)
    log = np.array([math.fsum(math.log(one.value) for one in launches) / len(launches) for _, launches in units])
    return Observations(log, cell, _blocks([[one.block for one in launches] for _, launches in units], cell), len(cells))


def _units(launches: Sequence[LaunchValue]) -> list[list[LaunchValue]]:
    """Each launch alone; those in one engine together."""
    engines: dict[str, list[LaunchValue]] = {}
    for launch in launches:
        if launch.engine:
            engines.setdefault(launch.engine, []).append(launch)
    return [*([launch] for launch in launches if not launch.engine), *engines.values()]


def _blocks(units: Sequence[Sequence[Block]], cell: Places) -> Array:
    """The parts of every launch in the blocks.

    Blocks of a single launch are joined, because they say nothing otherwise. All blocks are joined when they do not link all cells,
    as with cells that were measured in different invocations: drift is in the noise then.
    """
    import numpy as np

    met = Counter(block for blocks in units for block in set(blocks))
    names: dict[Block | None, int] = {}
    numbers = [[names.setdefault(block if met[block] > 1 else None, len(names)) for block in blocks] for blocks in units]
    parts = np.zeros((len(units), len(names)))
    for place, own in enumerate(numbers):
        np.add.at(parts[place], own, 1 / len(own))
    linked = _are_linked if all(len(own) == 1 for own in numbers) else _are_separable
    return parts if linked(parts, cell) else np.ones((len(units), 1))


def _are_linked(parts: Array, cell: Places) -> bool:
    """True when every cell can be reached from the first one over blocks that two cells share."""
    import numpy as np

    table = np.zeros((int(cell.max()) + 1, parts.shape[1]), dtype=bool)
    np.logical_or.at(table, cell, parts > 0)
    reached: NDArray[np.bool_] = np.arange(len(table)) == 0
    before = 0
    while reached.sum() > before:
        before = int(reached.sum())
        reached = np.asarray(table[:, table[reached].any(axis=0)].any(axis=1))
    return bool(reached.all())


def _are_separable(parts: Array, cell: Places) -> bool:
    """True when no change of the blocks looks like a difference of two cells, also with launches that belong to several blocks."""
    import numpy as np

    both = np.hstack([np.eye(int(cell.max()) + 1)[cell], parts])
    return bool(np.linalg.matrix_rank(both) == np.linalg.matrix_rank(parts) + cell.max())
