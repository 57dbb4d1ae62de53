"""Kind `clustering`: K-means over points. The workload gives the rows, the starting centres, and the rule for stopping.

An engine runs Lloyd's iterations from `Start.centres`, or from its own initialisation when they are None, and returns the
centres. manyhands itself computes labels and quality, in the same way for all engines.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.points import Points
from manyhands.data.row_parts import Rows
from manyhands.errors import DataError, UsageError
from manyhands.workloads.workload import Workload

INITS = ("shared", "native")
INIT_ROWS = 10_000
"""The shared starting centres are drawn from this many first rows; the order of the rows is random."""


@dataclass(frozen=True)
class Start:
    """The starting centres and the stopping rule of every engine."""

    clusters: int
    seed: int
    max_iterations: int
    tolerance: float
    """Stop when the squared movements of all centres sum to at most this share of the mean variance of the columns, as
    scikit-learn's `tol` does."""
    squared_movement: float
    """The tolerance as a number in the squared unit of the data, as for dask-ml's `tol`. MLlib's tolerance is a distance for each
    centre; `sqrt(squared_movement / clusters)` does not stop it earlier."""
    centres: NDArray[np.float64] | None
    """Starting centres (clusters, columns), the same for every engine; None means the engine's own initialisation."""


@dataclass(frozen=True)
class ClusteringWorkload(Workload):
    """Finds `clusters` centres. `init` shared: all engines have the same starting centres; native: each engine has its own."""

    kind: ClassVar[str] = "clustering"
    quality: ClassVar[str] = "silhouette"
    libraries: ClassVar[tuple[str, ...]] = ("sklearn",)

    clusters: int = 8
    max_iterations: int = 50
    tolerance: float = 1e-4
    init: str = "shared"

    def __post_init__(self) -> None:
        if self.init not in INITS:
            raise UsageError(f"{self.name} init={self.init} is none of {', '.join(INITS)}")
        if self.clusters < 2 or self.max_iterations < 1 or self.tolerance < 0:
            raise UsageError(
                f"{self.name} clusters={self.clusters} max_iterations={self.max_iterations} tolerance={self.tolerance}:"
                " clusters are 2 or more, iterations 1 or more, the tolerance 0 or more"
            )

    @abstractmethod
    def load(self, data_dir: Path | None, samples: int | None) -> Points:
        """The points in parts on disk; None means the embedded points, or all rows. Raises DataError that names the file."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        points = self.load(data_dir, samples)
        check_distinct(points, self.clusters)

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir, None).rows)

    def training_bytes(self, data_dir: Path | None, samples: int | None) -> int:
        return self.load(data_dir, samples).rows.bytes

    def start(self, rows: Rows, seed: int) -> Start:
        """The start for these rows; reads the rows once, one part at a time."""
        return Start(
            clusters=self.clusters,
            seed=seed,
            max_iterations=self.max_iterations,
            tolerance=self.tolerance,
            squared_movement=self.tolerance * mean_variance(rows),
            centres=first_centres(rows, self.clusters, seed) if self.init == "shared" else None,
        )


def first_centres(rows: Rows, clusters: int, seed: int) -> NDArray[np.float64]:
    """Centres (clusters, columns) that scikit-learn's greedy k-means++ draws from the first 10,000 rows."""
    from sklearn.cluster import kmeans_plusplus

    sample = rows.first(max(INIT_ROWS, clusters)).read_x()
    centres: NDArray[np.float64] = kmeans_plusplus(sample, clusters, random_state=seed)[0]
    return centres


def mean_variance(rows: Rows) -> float:
    """The mean variance of the columns, computed part by part (Chan, Golub and LeVeque's pairwise update, 1979)."""
    count, mean, squares = 0, np.zeros(len(rows.columns)), np.zeros(len(rows.columns))
    for part in rows.parts:
        x = part.x()
        own_mean, both = x.mean(axis=0), count + len(x)
        squares += x.var(axis=0) * len(x) + (own_mean - mean) ** 2 * (count * len(x) / both)
        mean += (own_mean - mean) * (len(x) / both)
        count = both
    return float(np.mean(squares / count))


def check_distinct(points: Points, clusters: int) -> None:
    """Raises DataError when there are fewer distinct rows than clusters; reads only as many rows as needed."""
    seen: set[bytes] = set()
    for part in points.rows.parts:
        seen |= {row.tobytes() for row in np.unique(part.x()[: 10 * clusters], axis=0)}
        if len(seen) < clusters:
            seen |= {row.tobytes() for row in np.unique(part.x(), axis=0)}
        if len(seen) >= clusters:
            return
    raise DataError(
        f"{points.source}: {len(seen)} distinct rows are fewer than {clusters} clusters; use --set clusters={len(seen)} or fewer"
    )
