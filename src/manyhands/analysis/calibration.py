"""Runs of a network on one backend -> the cost of a step for one worker, without the exchange, at any worker count.

busy(n) = c0 x steps(n) + c1 x rows(n), per epoch and worker: c0 is the fixed cost of a step, c1 the cost of a row. When all runs
have the same batch per worker, c0 and c1 cannot be separated, and the whole cost is assigned to rows. Time in which workers waited
for each other is not included.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from manyhands.analysis.cells import Cell
from manyhands.analysis.spread import finite_or_none, mean
from manyhands.record import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """The work of all workers together, from the specs of the runs."""

    rows_of_one: float
    """Rows of an epoch with one worker."""
    batch: str
    """`global` or `per-worker`."""
    batch_size: int
    scaling: str
    epochs: int
    gradient_bytes: float

    def rows(self, workers: int) -> float:
        """Rows of an epoch, all workers together."""
        return self.rows_of_one * (workers if self.scaling == "growing" else 1)

    def share(self, workers: int) -> int:
        """Rows of an epoch for one worker."""
        return math.ceil(self.rows(workers) / workers)

    def worker_batch(self, workers: int) -> int:
        """Rows of one worker per step; all of its rows when it has fewer."""
        batch = self.batch_size // workers if self.batch == "global" else self.batch_size
        return min(batch, self.share(workers))

    def steps(self, workers: int) -> int:
        """Steps of an epoch."""
        return math.ceil(self.share(workers) / self.worker_batch(workers))

    def impossible(self, workers: int) -> str | None:
        """The reason why this number of workers cannot do the work; None when it can."""
        if self.batch == "global" and self.batch_size % workers:
            multiple = -(-self.batch_size // workers) * workers
            return (
                f"a global batch of {self.batch_size} does not split evenly over {workers} workers;"
                f" measure with --batch-size {multiple}, or --batch per-worker"
            )
        if self.rows(workers) < workers:
            return f"{self.rows(workers):g} rows cannot be spread over {workers} workers; measure with more --samples"
        return None


@dataclass(frozen=True)
class BusyTime:
    """One run: the steps and rows of a worker per epoch, and its busy time, without waiting for other workers."""

    workers: int
    steps: int
    rows: int
    busy_s: float


@dataclass(frozen=True)
class Calibration:
    """Cost of a step and of a row, in seconds."""

    step_s: float
    row_s: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    """Covariance of `step_s` and `row_s`."""
    freedom: int
    """Degrees of freedom; 0 when there are too few launches for an interval."""
    workers: tuple[int, ...]
    """The worker counts of the runs."""
    launches: int
    compute_share: float
    """Share of the busy time that is compute; the rest is waiting for input."""

    def draws(self, count: int, seed: int = 0) -> Array:
        """(count, 2): random values of `step_s` and `row_s` within their uncertainty; none is negative."""
        import numpy as np

        chance = np.random.default_rng(seed)
        wider = np.sqrt(self.freedom / chance.chisquare(self.freedom, (count, 1)))
        drawn = chance.multivariate_normal((0.0, 0.0), np.asarray(self.covariance), count) * wider
        return np.maximum(np.array([self.step_s, self.row_s]) + drawn, 0.0)


def job_of(record: Record) -> Job | None:
    """The work of the run; None when it is no network, did not train whole epochs, or when the record lacks the information."""
    size, rows = finite_or_none(record.resolved.get("parameter_bytes")), finite_or_none(record.resolved.get("rows_per_epoch"))
    spec, batch = record.spec, record.spec.get("batch_size") or finite_or_none(record.resolved.get("batch_size"))
    if not size or not rows or not batch or not finite_or_none(record.resolved.get("steps_per_epoch")):
        return None
    if record.resolved.get("rows_trained"):
        return None
    scaling = str(spec.get("scaling", "fixed"))
    return Job(
        rows / int(spec.get("workers", 1)) if scaling == "growing" else rows,
        str(spec.get("batch", "global")),
        int(batch),
        scaling,
        int(spec.get("epochs", 1)),
        size,
    )


def launches(cell: Cell, job: Job) -> list[BusyTime]:
    """The launches of a cell with a measured busy time; an empty list when the machine had too few cores for the workers."""
    found = []
    for record in cell.measured:
        busy = _busy_s(record)
        if busy is not None and not record.resolved.get("oversubscribed"):
            found.append(BusyTime(cell.workers, job.steps(cell.workers), job.share(cell.workers), busy / job.epochs))
    return found


def compute_share(cells: Sequence[Cell]) -> float:
    """Mean share of compute in the time of compute and input; 1 when it was not measured."""
    shares = []
    for record in (record for cell in cells for record in cell.measured):
        compute, waited = finite_or_none(record.train_split.get("compute_s")), finite_or_none(record.train_split.get("input_s"))
        shares.append(compute / (compute + (waited or 0.0)) if compute else None)
    found = mean(shares)
    return 1.0 if found is None else found


def calibrate(measured: Sequence[BusyTime], share: float) -> Calibration:
    """Fits the costs to the launches by least squares of the relative errors; `share`: the result of `compute_share`."""
    import numpy as np

    steps, rows, busy = np.array([(run.steps, run.rows, run.busy_s) for run in measured], dtype=float).T
    design = np.stack([steps, rows], axis=1) / busy[:, None]
    kept = [0, 1] if len(np.unique(np.round(rows / steps, 6))) > 1 else [1]
    best, covariance, freedom = _solve(design[:, kept])
    if best.min() < 0:  # a negative cost is noise: the other cost alone explains the points
        kept = [int(best.argmax())]
        best, covariance, freedom = _solve(design[:, kept])
    costs, spread = np.zeros(2), np.zeros((2, 2))
    costs[kept], spread[np.ix_(kept, kept)] = best, covariance
    (ss, sr), (rs, rr) = spread.tolist()
    counts = tuple(sorted({run.workers for run in measured}))
    return Calibration(float(costs[0]), float(costs[1]), ((ss, sr), (rs, rr)), freedom, counts, len(measured), share)


def _solve(design: Array) -> tuple[Array, Array, int]:
    """The factors that bring every row of the design closest to 1, their covariance and degrees of freedom."""
    import numpy as np

    best = np.linalg.lstsq(design, np.ones(len(design)))[0].astype(np.float64)
    freedom = len(design) - len(best)
    noise = float(((design @ best - 1) ** 2).sum()) / freedom if freedom else 0.0
    return best, noise * np.linalg.pinv(design.T @ design).astype(np.float64), freedom


def _busy_s(record: Record) -> float | None:
    """Seconds of `train` in which a worker computed or waited for input; all of `train` for one worker without a split."""
    compute, waited = finite_or_none(record.train_split.get("compute_s")), finite_or_none(record.train_split.get("input_s"))
    if compute is not None:
        return compute + (waited or 0.0)
    return finite_or_none(record.phases.get("train_s")) if record.spec.get("workers") == 1 else None
