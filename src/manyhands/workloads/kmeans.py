"""`kmeans`: Lloyd's K-means on points: the embedded blobs, pairs of columns of known tables, or any columns of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from manyhands.data.points import Points, load_points
from manyhands.workloads._table_file import TableFile
from manyhands.workloads.kinds.clustering import ClusteringWorkload


@dataclass(frozen=True)
class KMeans(TableFile, ClusteringWorkload):
    """Clusters the points of `file`, or of the first known table in the data folder, or the embedded blobs."""

    name: ClassVar[str] = "kmeans"
    summary: ClassVar[str] = "K-means clustering of points"
    data: ClassVar[str] = "points"

    columns: tuple[str, ...] = ()
    """Columns to use; empty means the default columns of a known table, and every column of another table."""

    def load(self, data_dir: Path | None, samples: int | None) -> Points:
        return load_points(data_dir, samples, self.file or None, self.columns, self.written)
