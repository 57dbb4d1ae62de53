"""Records of kind `collective` -> time and bandwidth of an all-reduce by message size, and the fitted alpha and beta.

algbw = S / t, the algorithm bandwidth: bytes of the message divided by the time until all workers have the sum
busbw = algbw x 2 (n - 1) / n, the bus bandwidth: each of n workers sends and receives at least this much, so it can be compared
    with the hardware for every n. Source: nccl-tests, https://github.com/NVIDIA/nccl-tests/blob/master/doc/PERFORMANCE.md
T(n, S) = 2 (n - 1) alpha + 2 (n - 1) / n x S x beta, the time of a ring, which gloo uses always and NCCL mostly
    alpha: seconds of a step without any bytes; beta: seconds per byte, including the time to add it.
    Source: Thakur, Rabenseifner and Gropp 2005, doi:10.1177/1094342005051521

Do not trust the fit for medium sizes: protocols change with the size, and a medium message can take twice the fitted time.
"""

from __future__ import annotations

import math
import statistics
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.fit import NotIdentifiable, too_few
from manyhands.analysis.intervals import t_quantile
from manyhands.analysis.spread import Estimate, LaunchSpread, finite_or_none, spread
from manyhands.record import Record

if TYPE_CHECKING:
    from manyhands.analysis.laws import Array

NEEDS = 3
"""Message sizes needed to fit alpha and beta: one more than the number of parameters."""


@dataclass(frozen=True)
class MessageTime:
    """One message size in one launch: the median over its repetitions; a repetition's time is that of its slowest worker."""

    workers: int
    bytes: float
    seconds: float


@dataclass(frozen=True)
class Message:
    """One message size of a cell, over all launches."""

    elements: int
    bytes: float
    seconds: LaunchSpread
    algbw: float
    """Bytes a second."""
    busbw: float
    """Bytes a second."""


@dataclass(frozen=True)
class Link:
    """The cost of a step of an exchange between two workers."""

    alpha: Estimate
    """Seconds per step."""
    beta: Estimate
    """Seconds per byte."""
    covariance: tuple[tuple[float, float], tuple[float, float]] = ((0.0, 0.0), (0.0, 0.0))
    """Covariance of log alpha and log beta; 0 for a link that was given, not measured."""
    freedom: int = 0
    """Degrees of freedom of the fit."""


def is_exchange(group: Group) -> bool:
    """True when the runs of the group measured only the exchange, without training."""
    return any(record.resolved.get("all_reduce") for record in group.measured)


def messages(cell: Cell) -> list[Message]:
    """Every message size of the cell, ascending."""
    found: dict[int, list[MessageTime]] = {}
    for record in cell.measured:
        for elements, point in _points(record):
            found.setdefault(elements, []).append(point)
    return [_message(elements, found[elements]) for elements in sorted(found)]


def points(records: Iterable[Record]) -> list[MessageTime]:
    """One point for each message size of each launch."""
    return [point for record in records for _, point in _points(record)]


def fit_link(measured: Sequence[MessageTime]) -> Link | NotIdentifiable:
    """Alpha and beta of a ring, fitted to the points, with 95 % intervals; NotIdentifiable with too few sizes or without a fit.

    Least squares on the logarithm of time, because noise is proportional to time and sizes span decades. Intervals come from the
    curvature at the best fit and Student's t, over points of all sizes, so deviations from a ring make them wider.
    """
    import numpy as np
    from scipy.optimize import OptimizeWarning, curve_fit

    sizes = len({point.bytes for point in measured})
    if sizes < NEEDS:
        return too_few(NEEDS, sizes, "message sizes")
    n, size, seconds = np.array([(point.workers, point.bytes, point.seconds) for point in measured], dtype=float).T
    steps, sent = 2 * (n - 1), 2 * (n - 1) / n * size

    def model(_: Array, log_alpha: float, log_beta: float) -> Array:
        log: Array = np.logaddexp(log_alpha + np.log(steps), log_beta + np.log(sent))
        return log

    start = (math.log(float((seconds / steps).min())), math.log(float((seconds / sent).min())))
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error", OptimizeWarning)
            best, covariance = curve_fit(model, size, np.log(seconds), start, maxfev=5000)
    except (RuntimeError, OptimizeWarning):
        return NotIdentifiable("no alpha and beta fit the points; measure larger messages")
    freedom = len(measured) - 2
    reach = t_quantile(freedom) * np.sqrt(np.diag(covariance))
    alpha, beta = (
        Estimate(*(_exp(float(value)) for value in (centre, centre - far, centre + far)))
        for centre, far in zip(best, reach, strict=True)
    )
    (aa, ab), (ba, bb) = covariance.tolist()
    return Link(alpha, beta, ((aa, ab), (ba, bb)), freedom)


def _points(record: Record) -> list[tuple[int, MessageTime]]:
    """(elements, point) for every size with a time above 0."""
    found = []
    for size in record.resolved.get("all_reduce") or ():
        seconds = [value for value in map(finite_or_none, size.get("seconds", ())) if value is not None and value > 0]
        if seconds:
            workers = int(record.spec.get("workers", 1))
            found.append((int(size["elements"]), MessageTime(workers, float(size["bytes"]), statistics.median(seconds))))
    return found


def _message(elements: int, measured: Sequence[MessageTime]) -> Message:
    seconds = spread(point.seconds for point in measured)
    assert seconds is not None  # every point has a time
    workers, size = measured[0].workers, measured[0].bytes
    algbw = size / seconds.mean
    return Message(elements, size, seconds, algbw, algbw * 2 * (workers - 1) / workers)


def _exp(log: float) -> float:
    """e to the power `log`, limited to the range of a float, because an uncertain fit has huge bounds."""
    return math.exp(min(700.0, max(-700.0, log)))
