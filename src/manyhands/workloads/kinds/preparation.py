"""Kind `preparation`: only the conversion of stored image bytes to training arrays, as a measured step, without training.

An engine decodes the bytes, splits them by the given row numbers, and standardises both parts with the training part's mean and
deviation, all in memory; `train` is the time of this work. The result is checked against sums that every engine must reach.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.partition import Indices, epoch_order
from manyhands.errors import DataError, UsageError
from manyhands.workloads.workload import Workload


@dataclass(frozen=True)
class Stored:
    """Image bytes (n, height, width) and labels (n,) as stored in the files."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    source: str


@dataclass(frozen=True)
class Prepared:
    """Both parts of the split: images (n, 1, height, width) float32, standardised, and labels (n,)."""

    x_train: NDArray[np.float32]
    y_train: NDArray[np.uint8]
    x_validation: NDArray[np.float32]
    y_validation: NDArray[np.uint8]
    mean: float
    deviation: float
    """Deviation of the pixels of the training part, on the scale 0..1."""


@dataclass(frozen=True)
class PreparationWorkload(Workload):
    """A random `validation_percent` of the rows, drawn from the seed, is held out."""

    kind: ClassVar[str] = "preparation"
    quality: ClassVar[str] = "mean"

    validation_percent: float = 20.0

    def __post_init__(self) -> None:
        if not 0 < self.validation_percent < 100:
            raise UsageError(f"{self.name} validation_percent={self.validation_percent:g} is not between 0 and 100")

    @abstractmethod
    def load(self, data_dir: Path | None, samples: int | None) -> Stored:
        """The stored rows; `samples` None means all of them. Raises DataError that names the file."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        stored = self.load(data_dir, samples)
        if not all(map(len, self.split(len(stored.images), seed=0))):
            raise DataError(f"{stored.source}: {len(stored.images)} rows leave one part of the split empty; use more --samples")

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir, None).images)

    def split(self, rows: int, seed: int) -> tuple[Indices, Indices]:
        """Row numbers of the training part and of the validation part, each ascending."""
        order = epoch_order(rows, seed, 0)
        held_out = round(rows * self.validation_percent / 100)
        return np.sort(order[held_out:]), np.sort(order[:held_out])


def prepare_plainly(stored: Stored, split: tuple[Indices, Indices]) -> Prepared:
    """The preparation in this process, with plain NumPy."""
    parts = [stored.images[rows].astype(np.float32)[:, None] / np.float32(255) for rows in split]
    mean, deviation = float(parts[0].mean(dtype=np.float64)), float(parts[0].std(dtype=np.float64))
    for part in parts:
        part -= np.float32(mean)
        part /= np.float32(deviation)
    labels = [stored.labels[rows] for rows in split]
    return Prepared(parts[0], labels[0], parts[1], labels[1], mean, deviation)


def sums(prepared: Prepared) -> dict[str, Any]:
    """The values that every engine must reach: the scaling, and sums over both parts."""
    return {
        "mean": prepared.mean,
        "deviation": prepared.deviation,
        "validation_mean": float(prepared.x_validation.mean(dtype=np.float64)),
        "rows_train": len(prepared.x_train),
        "rows_validation": len(prepared.x_validation),
    }
