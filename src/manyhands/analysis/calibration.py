"""Runs of a network on one backend -> what its steps cost a worker without any exchange, at any worker count.

busy(n) = c0 x steps(n) + c1 x rows(n), per epoch and worker: c0 is what a step costs whatever its rows, c1 what a row costs. With
runs of one batch per worker the two cannot be told apart, and all is taken to be cost of rows. Time that workers waited for
each other is no part of it.
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
    """What all workers together have to do, from the specs of the runs."""

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
        """Rows of an epoch that one worker takes."""
        return math.ceil(self.rows(workers) / workers)

    def worker_batch(self, workers: int) -> int:
        """Rows that one worker takes per step, all of its rows where these are fewer."""
        batch = self.batch_size // workers if self.batch == "global" else self.batch_size
        return min(batch, self.share(workers))

    def steps(self, workers: int) -> int:
        """Steps of an epoch."""
        return math.ceil(self.share(workers) / self.worker_batch(workers))

    def impossible(self, workers: int) -> str | None:
        """Why it cannot be spread over so many workers; None when it can."""
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
    """One run: what a worker did per epoch, and how long that took it without waiting for others."""

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
    """Of `step_s` and `row_s`."""
    freedom: int
    """Degrees of freedom; 0 when there are too few launches for an interval."""
    workers: tuple[int, ...]
    """Worker counts that it comes from."""
    launches: int
    compute_share: float
    """Share of the busy time that is compute, the rest being waits for input."""

    def draws(self, count: int, seed: int = 0) -> Array:
        """(count, 2): values of `step_s` and `row_s` within their uncertainty, none below 0."""
        import numpy as np

        chance = np.random.default_rng(seed)
        wider = np.sqrt(self.freedom / chance.chisquare(self.freedom, (count, 1)))
        drawn = chance.multivariate_normal((0.0, 0.0), np.asarray(self.covariance), count) * wider
        return np.maximum(np.array([self.step_s, self.row_s]) + drawn, 0.0)


def job_of(record: Record) -> Job | None:
    """What the run had to do; None when it is no network, or the record does not say."""
    size, rows = finite_or_none(record.resolved.get("parameter_bytes")), finite_or_none(record.resolved.get("rows_per_epoch"))
    if not size or not rows or not finite_or_none(record.resolved.get("steps_per_epoch")):
        return None
    spec = record.spec
    scaling = str(spec.get("scaling", "fixed"))
    return Job(
        rows / int(spec.get("workers", 1)) if scaling == "growing" else rows,
        str(spec.get("batch", "global")),
        int(spec.get("batch_size", 1)),
        scaling,
        int(spec.get("epochs", 1)),
        size,
    )


def launches(cell: Cell, job: Job) -> list[BusyTime]:
    """The launches of a cell whose busy time was measured; where the machine had too few cores for them, none."""
    found = []
    for record in cell.measured:
        busy = _busy_s(record)
        if busy is not None and not record.resolved.get("oversubscribed"):
            found.append(BusyTime(cell.workers, job.steps(cell.workers), job.share(cell.workers), busy / job.epochs))
    return found


def compute_share(cells: Sequence[Cell]) -> float:
    """Mean share of compute in compute and input; 1 where it was not measured."""
    shares = []
    for record in (record for cell in cells for record in cell.measured):
        compute, waited = finite_or_none(record.train_split.get("compute_s")), finite_or_none(record.train_split.get("input_s"))
        shares.append(compute / (compute + (waited or 0.0)) if compute else None)
    found = mean(shares)
    return 1.0 if found is None else found


def calibrate(measured: Sequence[BusyTime], share: float) -> Calibration:
    """Least squares of relative errors through the launches; `share`: what `compute_share` gives."""
    import numpy as np

    steps, rows, busy = np.array([(run.steps, run.rows, run.busy_s) for run in measured], dtype=float).T
    design = np.stack([steps, rows], axis=1) / busy[:, None]
    kept = [0, 1] if len(np.unique(np.round(rows / steps, 6))) > 1 else [1]
    best, covariance, freedom = _solve(design[:, kept])
    if best.min() < 0:  # a cost below 0 is noise: the other one alone explains the points
        kept = [int(best.argmax())]
        best, covariance, freedom = _solve(design[:, kept])
    costs, spread = np.zeros(2), np.zeros((2, 2))
    costs[kept], spread[np.ix_(kept, kept)] = best, covariance
    (ss, sr), (rs, rr) = spread.tolist()
    counts = tuple(sorted({run.workers for run in measured}))
    return Calibration(float(costs[0]), float(costs[1]), ((ss, sr), (rs, rr)), freedom, counts, len(measured), share)


def _solve(design: Array) -> tuple[Array, Array, int]:
    """The factors that bring every row of the design nearest to 1, their covariance and degrees of freedom."""
    import numpy as np

    best = np.linalg.lstsq(design, np.ones(len(design)))[0].astype(np.float64)
    freedom = len(design) - len(best)
    noise = float(((design @ best - 1) ** 2).sum()) / freedom if freedom else 0.0
    return best, noise * np.linalg.pinv(design.T @ design).astype(np.float64), freedom


def _busy_s(record: Record) -> float | None:
    """Seconds of `train` that a worker computed or waited for input; of a lone worker all of them, where they were not split."""
    compute, waited = finite_or_none(record.train_split.get("compute_s")), finite_or_none(record.train_split.get("input_s"))
    if compute is not None:
        return compute + (waited or 0.0)
    return finite_or_none(record.phases.get("train_s")) if record.spec.get("workers") == 1 else None
