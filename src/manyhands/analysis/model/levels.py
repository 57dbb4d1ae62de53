"""Launches -> the level of every cell with its errors, by log throughput = cell + block + noise.

Weighted least squares with cells and blocks as fixed effects. The noise of every cell has a variance of its own, from its residuals
(restricted maximum likelihood by its fixed point: Harville 1977, doi:10.2307/2286796), moderated towards that of all cells
(`moderation`). Degrees of freedom of a difference by Satterthwaite 1946, doi:10.2307/3002019. docs/results/intervals.md compares this
with other models on real launches: blocks as random effects give narrower intervals that cover less often; robust fits change nothing.
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

ROUNDS = 5
"""Rounds of levels and variances in turn; more change the third digit of an interval at most."""
NONE_LEFT = 1e-6
"""Degrees of freedom of a cell below this are rounding errors: its launches decide its level and nothing else."""


@dataclass(frozen=True)
class Levels:
    """The cells' levels on the log scale. Errors belong to differences, because the machine moves all levels together."""

    level: Array
    """Shape (cells,)."""
    variance: Array
    """Variance of the difference of two levels, shape (cells, cells); infinite when nothing is known about the spread."""
    freedom: Array
    """Degrees of freedom of each of these variances, shape (cells, cells); 0 when nothing is known about the spread."""
    counts: NDArray[np.intp]
    """Launches of every cell, shape (cells,)."""


def levels(seen: Observations) -> Levels:
    """The levels of the cells; all degrees of freedom are 0 when no cell has a second launch to compare."""
    import numpy as np

    found = Moderated(np.ones(seen.cells), np.zeros(seen.cells), 0.0)
    for _ in range(ROUNDS):
        fit = _Fit.of(seen, found.variance)
        found = moderated(*fit.spread(found.variance))
        if not found.most:
            nothing = np.zeros((seen.cells, seen.cells))
            return Levels(fit.level, nothing + np.inf, nothing, seen.counts)
    return Levels(fit.level, *fit.differences(found), seen.counts)


@dataclass(frozen=True)
class _Fit:
    """Weighted least squares with given variances of the cells."""

    seen: Observations
    level: Array
    residual: Array
    """Of every launch, shape (launches,)."""
    leverage: Array
    """Share of every launch that its own fitted value takes up, shape (launches,)."""
    pull: Array
    """Change of every level with every launch, shape (launches, cells)."""

    @classmethod
    def of(cls, seen: Observations, variance: Array) -> _Fit:
        import numpy as np

        weight = (variance.mean() / variance)[seen.cell]
        # The last block is the reference: cells and all blocks together would say one thing twice.
        design = np.hstack([np.eye(seen.cells)[seen.cell], seen.block[:, :-1]])
        weighted = design * weight[:, None]
        # Blocks of nothing but engines that served them all cannot be distinguished, which only the slower inverse allows.
        inverse = np.linalg.inv if np.isin(seen.block, (0, 1)).all() else np.linalg.pinv
        pull = weighted @ inverse(design.T @ weighted)
        effects = pull.T @ seen.log
        leverage = np.einsum("ij,ij->i", pull, design)
        return cls(seen, effects[: seen.cells], seen.log - design @ effects, leverage, pull[:, : seen.cells])

    def spread(self, before: Array) -> tuple[Array, Array]:
        """Variance of the noise of every cell from its own residuals, and its degrees of freedom; `before` without any."""
        import numpy as np

        freedom = np.bincount(self.seen.cell, 1 - self.leverage, self.seen.cells).astype(float)
        freedom[freedom < NONE_LEFT] = 0
        squares = np.bincount(self.seen.cell, self.residual**2, self.seen.cells).astype(float)
        return np.divide(squares, freedom, out=before.copy(), where=freedom > 0), freedom

    def differences(self, found: Moderated) -> tuple[Array, Array]:
        """Variance and degrees of freedom of the difference of every two levels."""
        import numpy as np

        cells = self.seen.cells
        variance, weights = np.zeros((cells, cells)), np.zeros((cells, cells))
        for cell in range(cells):
            own = self.pull[self.seen.cell == cell]
            together = own.T @ own
            alone = np.diag(together)
            part = np.maximum(alone[:, None] + alone[None, :] - 2 * together, 0) * found.variance[cell]
            variance += part
            weights += part**2 / found.freedom[cell]
        freedom = np.divide(variance**2, weights, out=np.full_like(weights, found.most), where=weights > 0)
        return variance, np.minimum(freedom, found.most)
