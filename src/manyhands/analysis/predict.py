"""Records of networks -> the predicted training time on more workers, by the alpha-beta model, with its assumptions.

T(n) = epochs x (busy(n) + steps(n) x exposed(n)): `calibration` gives busy(n), the time of a worker without any exchange;
`allreduce` gives exposed(n), the part of the gradient exchange that the backward pass does not hide.

Do not trust the prediction when workers share memory or network with other programs, when workers are not equally fast, or for
work other than training: starting the engine, input from a distant store, saving.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyhands.analysis.allreduce import ALGORITHMS, buckets, exposed_s
from manyhands.analysis.calibration import BusyTime, Calibration, Job, calibrate, compute_share, launches
from manyhands.analysis.exchange import Link
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.predictable import Family, Network, listed
from manyhands.analysis.scaling import seconds
from manyhands.analysis.spread import Estimate, mean

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BACKWARD = 2 / 3
"""Share of the backward pass in the compute of a step. It needs about twice the operations of the forward pass, because it computes
the gradients of the weights and of the inputs. Source: Kaplan et al. 2020, section 2.1, arXiv:2001.08361."""
DRAWS = 4000


@dataclass(frozen=True)
class Forecast:
    """The prediction for one worker count with one algorithm. Times in seconds."""

    workers: int
    algorithm: str
    batch: int
    """Rows of one worker in a step."""
    steps: int
    """Steps in all epochs."""
    busy: float
    """Seconds of compute and input in all epochs."""
    exposed: float
    """Seconds of exchange in all epochs that compute does not hide."""
    train: Estimate
    """Seconds of the train phase; its bounds are None with too few launches."""
    speedup: float
    """Rows a second divided by those of one worker, both predicted."""


@dataclass(frozen=True)
class Check:
    """A measured worker count beside the prediction from smaller ones. Times in seconds."""

    workers: int
    algorithm: str
    predicted: float
    measured: float
    oversubscribed: bool

    @property
    def error(self) -> float:
        """Relative error of the prediction; negative when the measured run was slower than predicted."""
        return self.predicted / self.measured - 1


@dataclass(frozen=True)
class Prediction:
    """The forecasts and checks for one family of cells."""

    family: Family
    network: Network
    checked_on: Network
    """The network that the checks assume for the measured runs."""
    calibration: Calibration
    forecasts: tuple[Forecast, ...]
    impossible: Mapping[int, str]
    """Worker count -> the reason why there is no forecast."""
    checks: tuple[Check, ...]
    unchecked: str
    """The reason why there are no checks; empty when there are checks."""
    checked_from: tuple[int, ...] = ()
    """The smaller worker counts, from which the checks were predicted."""


def predict(
    family: Family, network: Network, workers: Sequence[int], checked_on: Network | None = None
) -> Prediction | NotIdentifiable:
    """Forecasts for each worker count and algorithm; NotIdentifiable when no launch shows the cost of a step.

    `checked_on`: the network of the measured runs, for the validation; None means `network`.
    """
    measured = {cell.workers: runs for cell in family.cells if (runs := launches(cell, family.job))}
    if not measured:
        return NotIdentifiable(
            "needs a run on the CPU with one thread or more for each core it uses, whose compute time was measured"
        )
    share = compute_share(family.cells)
    calibration = calibrate([run for runs in measured.values() for run in runs], share)
    impossible = {count: reason for count in workers if (reason := family.job.impossible(count))}
    possible = [count for count in workers if count not in impossible]
    forecasts = [
        _forecast(family.job, calibration, network.link, count, algorithm) for count in possible for algorithm in ALGORITHMS
    ]
    checked_on = checked_on or network
    checks, smaller, unchecked = _validate(family, checked_on.link, measured, share)
    return Prediction(family, network, checked_on, calibration, tuple(forecasts), impossible, tuple(checks), unchecked, smaller)


def _forecast(job: Job, calibration: Calibration, link: Link, workers: int, algorithm: str) -> Forecast:
    import numpy as np

    centre = np.array([[calibration.step_s, calibration.row_s]])
    busy, exposed = _parts(job, calibration, centre, link.alpha.value, link.beta.value, workers, algorithm)
    alone, _ = _parts(job, calibration, centre, 0.0, 0.0, 1, algorithm)
    train = float(busy[0] + exposed[0])
    rate = (job.share(workers) * workers / train) / (job.share(1) / float(alone[0]))
    steps = job.steps(workers) * job.epochs
    bounds = _bounds(job, calibration, link, workers, algorithm)
    return Forecast(
        workers, algorithm, job.worker_batch(workers), steps, float(busy[0]), float(exposed[0]), Estimate(train, *bounds), rate
    )


def _bounds(job: Job, calibration: Calibration, link: Link, workers: int, algorithm: str) -> tuple[float | None, float | None]:
    """95 % bounds from random draws of all costs within their uncertainty; (None, None) when there are too few launches."""
    import numpy as np

    if calibration.freedom == 0:
        return None, None
    alpha, beta = _link_draws(link)
    busy, exposed = _parts(job, calibration, calibration.draws(DRAWS), alpha, beta, workers, algorithm)
    low, high = np.quantile(busy + exposed, [0.025, 0.975])
    return float(low), float(high)


def _link_draws(link: Link) -> tuple[float, float] | tuple[Array, Array]:
    import numpy as np

    if link.freedom == 0:
        return link.alpha.value, link.beta.value
    chance = np.random.default_rng(1)
    wider = np.sqrt(link.freedom / chance.chisquare(link.freedom, (DRAWS, 1)))
    logs = chance.multivariate_normal((0.0, 0.0), np.asarray(link.covariance), DRAWS) * wider
    alpha, beta = (np.array([link.alpha.value, link.beta.value]) * np.exp(np.clip(logs, -50, 50))).T
    return alpha, beta


def _parts(
    job: Job,
    calibration: Calibration,
    costs: Array,
    alpha: float | Array,
    beta: float | Array,
    workers: int,
    algorithm: str,
) -> tuple[Array, Array]:
    """Seconds of busy time and of exposed exchange in all epochs, for every row of `costs`: the cost of a step and of a row."""
    import numpy as np

    steps, share = job.steps(workers), job.share(workers)
    busy = job.epochs * (costs[:, 0] * steps + costs[:, 1] * share)
    if workers == 1:
        return busy, np.zeros_like(busy)
    backward = BACKWARD * calibration.compute_share * (costs[:, 0] + costs[:, 1] * job.worker_batch(workers))
    exchange = ALGORITHMS[algorithm]
    late = exposed_s(backward, buckets(job.gradient_bytes), lambda size: exchange(workers, size, alpha, beta))
    return busy, job.epochs * steps * (np.zeros_like(busy) + late)


def _validate(
    family: Family, link: Link, measured: Mapping[int, list[BusyTime]], share: float
) -> tuple[list[Check], tuple[int, ...], str]:
    """The larger half of the measured worker counts, predicted from the smaller half; or the reason why that is impossible."""
    counts = [cell.workers for cell in family.cells]
    if len(counts) < 2:
        return [], (), f"not possible: needs 2 worker counts, has {len(counts)}"
    half = -(-len(counts) // 2)
    smaller = tuple(count for count in counts[:half] if count in measured)
    if not smaller:
        return [], (), f"not possible: the smaller half, {listed(counts[:half])} workers, has no compute time to go by"
    calibration = calibrate([run for count in smaller for run in measured[count]], share)
    checks = []
    for cell in family.cells[half:]:
        taken = mean(seconds(record, "train") for record in cell.measured)
        crowded = any(record.resolved.get("oversubscribed") for record in cell.measured)
        if taken:
            checks += [
                Check(
                    cell.workers, name, _forecast(family.job, calibration, link, cell.workers, name).train.value, taken, crowded
                )
                for name in (ALGORITHMS if cell.workers > 1 else ["ring"])
            ]
    return checks, smaller, "" if checks else "not possible: the larger half has no measured train time"
