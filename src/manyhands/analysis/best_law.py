"""The cells of one backend -> the law that fits its throughput best, its error, and the worker count with the peak."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from manyhands.analysis.cells import Cell, Group
from manyhands.analysis.fit import LawFit, NotIdentifiable, fit, peak, too_few
from manyhands.analysis.laws import LAWS, Law
from manyhands.analysis.scaling import Time, throughputs
from manyhands.analysis.spread import Estimate
from manyhands.record import EVERY_STEP


@dataclass(frozen=True)
class Curve:
    """Throughput of one backend with one strategy at each worker count, in rows a second; one point per launch."""

    backend: str
    threads: int
    scaling: str
    workers: tuple[int, ...]
    throughput: tuple[float, ...]
    sync: str = EVERY_STEP

    @property
    def name(self) -> str:
        """The backend, with the strategy unless that is the default."""
        return self.backend if self.sync == EVERY_STEP else f"{self.backend} ({self.sync.rpartition('/')[2]})"


@dataclass(frozen=True)
class Choice:
    """The laws that were fitted to a curve, best first, and the results of the best one."""

    curve: Curve
    fits: tuple[LawFit, ...]
    peak: Estimate
    """The worker count with the highest throughput; more workers are slower. Infinite when the law has no peak."""
    error_at_largest: float | None
    """Relative error at the largest worker count when the best law is fitted without it; None with too few counts."""


def curves(group: Group, time: Time) -> list[Curve]:
    """The curves of the group with at least two worker counts, in the order of its cells. One worker is a point of every strategy."""
    by_name: dict[tuple[str, int, str], list[Cell]] = {}
    for cell in group.cells:
        if cell.measured:
            by_name.setdefault((cell.backend, cell.threads, str(cell.records[0].spec.get("sync", EVERY_STEP))), []).append(cell)
    for (backend, threads, sync), cells in by_name.items():
        if sync != EVERY_STEP:
            cells[:0] = [cell for cell in by_name.get((backend, threads, EVERY_STEP), ()) if cell.workers == 1]
    found = [_curve(cells, time) for cells in by_name.values()]
    return [curve for curve in found if len(set(curve.workers)) > 1]


def laws_found(group: Group, time: Time) -> list[tuple[Curve, Choice | NotIdentifiable]]:
    """Every curve of the group with its fitted laws, or the reason why there are none."""
    return [(curve, choose(curve)) for curve in curves(group, time)]


def choose(curve: Curve) -> Choice | NotIdentifiable:
    """The law with the lowest AICc among the laws for the curve's scaling; NotIdentifiable when no law has enough points."""
    laws = [law for law in LAWS if curve.scaling in law.scalings]
    tried = [fit(law, curve.workers, curve.throughput) for law in laws]
    fits = sorted((found for found in tried if isinstance(found, LawFit)), key=lambda found: found.aicc)
    if not fits:
        return next(found for found in tried if isinstance(found, NotIdentifiable))
    if math.isinf(fits[0].aicc):
        # AICc needs two points more than it has unknowns: gamma, the parameters and the noise.
        return too_few(min(len(law.parameters) for law in laws) + 4, len(curve.workers), "launches")
    return Choice(curve, tuple(fits), peak(fits[0]), _error_at_largest(fits[0].law, curve))


def _curve(cells: Sequence[Cell], time: Time) -> Curve:
    points = [
        (cell.workers, launch.value)
        for cell, launches in zip(cells, throughputs(cells, time), strict=True)
        for launch in launches
    ]
    workers, throughput = zip(*points, strict=True) if points else ((), ())
    scaling = str(cells[0].measured[0].spec.get("scaling", "fixed"))
    sync = str(cells[-1].records[0].spec.get("sync", EVERY_STEP))
    return Curve(cells[0].backend, cells[0].threads, scaling, workers, throughput, sync)


def _error_at_largest(law: Law, curve: Curve) -> float | None:
    largest = max(curve.workers)
    points = list(zip(curve.workers, curve.throughput, strict=True))
    rest = [point for point in points if point[0] < largest]
    found = fit(law, [workers for workers, _ in rest], [value for _, value in rest])
    if isinstance(found, NotIdentifiable):
        return None
    return found.throughput(largest) / statistics.geometric_mean(value for workers, value in points if workers == largest) - 1
