"""Throughput at several worker counts -> the parameters of a law with 95 % intervals, or the reason why there is no fit.

Least squares on the logarithm of throughput, because the noise of run times is proportional to them. Intervals come from the
curvature at the best fit and Student's t. Source: Seber and Wild 1989, Nonlinear Regression, chapter 5, doi:10.1002/0471725315.
Parameters may be negative: a bound at 0 would make the intervals of small fractions wrong.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from manyhands.analysis.intervals import t_quantile
from manyhands.analysis.laws import USL, Law, usl_peak
from manyhands.analysis.spread import Estimate

if TYPE_CHECKING:
    from manyhands.analysis.laws import Array

Noise = Literal["relative", "absolute"]
"""`relative`: noise is proportional to throughput, as in run times. `absolute`: the same at every worker count, as in R's `nls`
and `usl`."""
SMALLEST = 1e-12
"""Keeps logarithms defined when a trial step of the fit leaves the valid range of the law."""


@dataclass(frozen=True)
class NotIdentifiable:
    """The result when there is no fit, with the reason."""

    reason: str

    def __str__(self) -> str:
        return f"not identifiable: {self.reason}"


def too_few(needs: int, has: int, what: str = "worker counts") -> NotIdentifiable:
    """The result for too few points: `not identifiable: needs 4 worker counts, has 2`."""
    return NotIdentifiable(f"needs {needs} {what}, has {has}")


@dataclass(frozen=True)
class LawFit:
    """A law with its fitted parameters. gamma, a throughput, has the unit of the points."""

    law: Law
    gamma: Estimate
    parameters: dict[str, Estimate]
    covariance: tuple[tuple[float, ...], ...]
    """Covariance of log gamma and the parameters, in that order."""
    freedom: int
    aicc: float
    """Akaike's criterion for few points, lower is better; infinite when there are too few points."""

    def speedup(self, workers: float) -> float:
        """The fitted speed-up S(N) over one worker."""
        return float(self.law.speedup(workers, *(estimate.value for estimate in self.parameters.values())))

    def throughput(self, workers: float) -> float:
        """The fitted throughput X(N)."""
        return self.gamma.value * self.speedup(workers)


def fit(law: Law, workers: Sequence[float], throughput: Sequence[float], noise: Noise = "relative") -> LawFit | NotIdentifiable:
    """The law fitted to the points, one per launch; NotIdentifiable with too few worker counts, or when no fit is found.

    Launches count as independent. A drift that the launches of a block share makes the interval of gamma too narrow and the
    intervals of the other parameters too wide.
    """
    import numpy as np
    from scipy.optimize import OptimizeWarning, curve_fit

    counts = len(set(workers))
    if counts < law.needs:
        return too_few(law.needs, counts)
    n, measured = np.asarray(workers, dtype=float), np.asarray(throughput, dtype=float)
    scale = measured.max()
    target = np.log(measured / scale) if noise == "relative" else measured / scale

    def model(n: Array, log_gamma: float, *parameters: float) -> Array:
        log = log_gamma + np.log(np.maximum(law.speedup(n, *parameters), SMALLEST))
        return log if noise == "relative" else np.exp(log)

    start = (math.log(measured[n.argmin()] / scale / n.min()), *law.start)
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            best, covariance = curve_fit(model, n, target, start, maxfev=5000)
    except (RuntimeError, OptimizeWarning):
        return NotIdentifiable(f"no curve of {law.name} fits the points")
    return _described(law, best, covariance, target - model(n, *best), float(scale))


def peak(found: LawFit, draws: int = 10_000, seed: int = 0) -> Estimate:
    """The worker count with the highest throughput by the Universal Scalability Law; infinite when there is no peak.

    The interval comes from random draws of alpha and beta within their uncertainty, because the peak is not linear in them.
    """
    import numpy as np

    if found.law is not USL:
        return Estimate(math.inf, math.inf, math.inf)
    centre = [estimate.value for estimate in found.parameters.values()]
    covariance = np.asarray(found.covariance)[1:, 1:]
    chance = np.random.default_rng(seed)
    wider = np.sqrt(found.freedom / chance.chisquare(found.freedom, (draws, 1)))
    drawn = centre + chance.multivariate_normal((0.0, 0.0), covariance, draws) * wider
    alphas, betas = drawn.T
    with np.errstate(divide="ignore", invalid="ignore"):
        peaks = np.where(betas <= 0, math.inf, np.maximum(1.0, np.sqrt(np.maximum(0.0, 1 - alphas) / betas)))
    low, high = np.partition(peaks, places := [int(0.025 * draws), int(0.975 * draws)])[places]
    return Estimate(usl_peak(*centre), float(low), float(high))


def _described(law: Law, best: Array, covariance: Array, residuals: Array, scale: float) -> LawFit:
    import numpy as np

    points, parameters = len(residuals), len(best)
    reach = t_quantile(points - parameters) * np.sqrt(np.diag(covariance))
    low, high = best - reach, best + reach
    # Few launches with very different values give bounds beyond the range of a float; exp(600) leaves room for the scale.
    gamma = Estimate(*(float(scale * math.exp(min(600.0, max(-600.0, value)))) for value in (best[0], low[0], high[0])))
    found = {
        name: Estimate(float(best[place]), float(low[place]), float(high[place]))
        for place, name in enumerate(law.parameters, start=1)
    }
    table = tuple(tuple(float(value) for value in row) for row in covariance)
    return LawFit(law, gamma, found, table, points - parameters, _aicc(residuals, parameters))


def _aicc(residuals: Array, parameters: int) -> float:
    """n log(RSS / n) + 2 k + 2 k (k + 1) / (n - k - 1); k includes the noise. Source: Hurvich and Tsai 1989,
    doi:10.1093/biomet/76.2.297."""
    n, k = len(residuals), parameters + 1
    if n - k - 1 <= 0:
        return math.inf
    return float(n * math.log(max(float((residuals**2).mean()), SMALLEST**2)) + 2 * k + 2 * k * (k + 1) / (n - k - 1))
