"""Launches -> the level of every cell with its errors, by log throughput = cell + block + noise.

Cells are fixed effects. Blocks are random effects whose spread is estimated by restricted maximum likelihood (REML) on a grid, so a
machine that drifts costs nothing and a machine that does not gains what the blocks would have cost. The noise of every cell has a
variance of its own, moderated towards that of all cells (`moderation`). Sources: Patterson and Thompson 1971,
doi:10.1093/biomet/58.3.545, for REML; Harville 1977, doi:10.2307/2286796, for the fixed point of the variances.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyhands.analysis.model.moderation import Moderated, moderated
from manyhands.analysis.model.observations import Observations

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BLOCK_TO_NOISE = (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0, 256.0)
"""Variances of blocks that are tried, in variances of the noise; the largest are as good as blocks that are fixed effects."""
ROUNDS = 6
"""Rounds of levels and variances in turn; more change the third digit of an interval at most."""


@dataclass(frozen=True)
class Levels:
    """The cells' levels on the log scale. Errors belong to differences, because the machine moves all levels together."""

    level: Array
    """Shape (cells,)."""
    variance: Array
    """Variance of the difference of two levels, shape (cells, cells); infinite where the launches say nothing about it."""
    freedom: Array
    """Degrees of freedom of each of these variances, shape (cells, cells); 0 where there are none."""
    counts: Array
    """Launches of every cell."""


def levels(seen: Observations) -> Levels:
    """The levels of the cells; all degrees of freedom are 0 when no cell has a second launch to compare."""
    import numpy as np

    noise: Array = np.ones(seen.cells)
    found = Moderated(noise, np.zeros(seen.cells), 0.0)
    fit = _Fit.of(seen, noise, 0.0)
    for _ in range(ROUNDS):
        fit = max((_Fit.of(seen, noise, ratio) for ratio in BLOCK_TO_NOISE), key=lambda one: one.likelihood)
        found = moderated(*fit.spread())
        if not found.freedom.any():
            return Levels(fit.level, np.full((seen.cells, seen.cells), np.inf), np.zeros((seen.cells, seen.cells)), seen.counts)
        noise = found.variance / found.variance.mean()
    scale = found.variance.mean()
    return Levels(fit.level, *fit.differences(found, float(scale)), seen.counts)


@dataclass(frozen=True)
class _Fit:
    """Generalised least squares with known variances: relative noise of the cells, and blocks over noise."""

    seen: Observations
    noise: Array
    """Variance of the noise of every cell, up to a common factor."""
    ratio: float
    """Variance of the blocks in the same unit."""
    level: Array
    spread_of_levels: Array
    """Covariance of the levels in the same unit."""
    rows: Array
    """Rows of the inverse covariance times the design, shape (launches, cells)."""
    residual: Array
    """Residuals of the launches after cell and predicted block."""
    share: Array
    """Shrink of every block, shape (blocks,)."""
    likelihood: float

    @classmethod
    def of(cls, seen: Observations, noise: Array, ratio: float) -> _Fit:
        """The fit; `likelihood` is restricted and has the common factor profiled out."""
        import numpy as np

        weight = 1 / noise[seen.cell]
        table = np.zeros((seen.blocks, seen.cells))
        np.add.at(table, (seen.block, seen.cell), weight)
        whole = table.sum(axis=1)
        share = ratio / (1 + ratio * whole)
        design = np.zeros((len(weight), seen.cells))
        design[np.arange(len(weight)), seen.cell] = 1
        rows = weight[:, None] * (design - (share[:, None] * table)[seen.block])
        normal = np.diag(table.sum(axis=0)) - (table * share[:, None]).T @ table
        inverse = np.linalg.pinv(normal, hermitian=True)
        level = inverse @ (rows.T @ seen.log)
        left = seen.log - level[seen.cell]
        block = share * np.bincount(seen.block, weight * left, seen.blocks)
        residual = left - block[seen.block]
        freedom = len(weight) - seen.cells
        misfit = max(float((weight * left * residual).sum()), 1e-300)
        likelihood = -0.5 * (
            -np.log(weight).sum() + np.log1p(ratio * whole).sum() + np.linalg.slogdet(normal)[1] + freedom * np.log(misfit)
        )
        return cls(seen, noise, ratio, level, inverse, rows, residual, share, float(likelihood))

    def spread(self) -> tuple[Array, Array]:
        """Variance of the noise of every cell from its own residuals, and its degrees of freedom; 0 and 0 without any."""
        import numpy as np

        weight = 1 / self.noise[self.seen.cell]
        inverse = weight - self.share[self.seen.block] * weight**2
        taken = np.einsum("ij,jk,ik->i", self.rows, self.spread_of_levels, self.rows)
        freedom = np.bincount(self.seen.cell, (inverse - taken) / weight, self.seen.cells)
        freedom[freedom < 1e-6] = 0
        squares = np.bincount(self.seen.cell, self.residual**2, self.seen.cells)
        return np.divide(squares, freedom, out=np.zeros_like(squares), where=freedom > 0), freedom

    def differences(self, found: Moderated, scale: float) -> tuple[Array, Array]:
        """Variance and degrees of freedom of every difference, by Satterthwaite 1946, doi:10.2307/3002019."""
        import numpy as np

        cells = self.seen.cells
        pull = self.rows @ self.spread_of_levels
        variance, weights = np.zeros((cells, cells)), np.zeros((cells, cells))
        for cell in range(cells):
            own = pull[self.seen.cell == cell]
            part = _of_differences(own.T @ own) * found.variance[cell]
            variance += part
            weights += part**2 / found.freedom[cell]
        moved = np.zeros((self.seen.blocks, cells))
        np.add.at(moved, self.seen.block, pull)
        part = _of_differences(moved.T @ moved) * self.ratio * scale
        variance += part
        weights += part**2 / max(self.seen.blocks - 1, 1)
        freedom = np.divide(variance**2, weights, out=np.full_like(weights, found.most), where=weights > 0)
        return variance, np.minimum(freedom, found.most)


def _of_differences(covariance: Array) -> Array:
    """Variances of all differences from a covariance of levels."""
    import numpy as np

    own = np.diag(covariance)
    found: Array = np.maximum(own[:, None] + own[None, :] - 2 * covariance, 0)
    return found
