"""Alternatives to the rank test of `ranks.chance_above`, so that their error rates can be compared with its error rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from manyhands.analysis.verdicts.ranks import chance_above

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RESAMPLES = 2000
Chance = Callable[["NDArray[np.float64]"], "NDArray[np.float64]"]
"""Differences -> the probability that they are this far above 0 by chance."""


def t_above(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """Student's t on the differences, one-sided."""
    import numpy as np
    from scipy.stats import ttest_1samp

    with np.errstate(invalid="ignore", divide="ignore"):
        found = np.asarray(ttest_1samp(differences, 0.0, alternative="greater", axis=-1).pvalue)
    return np.where(np.isnan(found), 0.5, found)


def bootstrap_above(differences: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of resampled means that are not above 0. The same differences always give the same share."""
    import numpy as np

    count = differences.shape[-1]
    picks = np.random.default_rng(count).integers(count, size=(RESAMPLES, count))
    not_above = (differences[picks].mean(axis=-1) <= 0).sum()
    return np.asarray((not_above + 1) / (RESAMPLES + 1))


MEDIANS = "signed ranks of medians"
"""The rank test on the median epoch of every launch, instead of the fastest."""
TESTS: Mapping[str, Chance] = {
    "signed ranks": chance_above,
    MEDIANS: chance_above,
    "paired t": t_above,
    "bootstrap of the mean": bootstrap_above,
}
"""Name -> test; verdicts use the first."""
