"""Kind `ensemble`: several classifiers that vote. The workload gives the rows, the rows of each member, and the classifiers.

Members are independent, so an engine only runs `fit_member` for each of them, on any worker; manyhands itself counts the votes.
"""

from __future__ import annotations

import warnings
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.partition import Indices, epoch_order, shard
from manyhands.errors import DataError, UsageError
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.workload import Workload

COVERS = ("shard", "full")
TIES = ("probability", "lowest")


@dataclass(frozen=True)
class EnsembleWorkload(Workload):
    """`members` classifiers and a majority vote.

    `cover` shard: each member makes all `--epochs` passes over its own part of the rows. `cover` full: each member makes
    1/members of the passes over all rows. `single`: one model makes all passes over all rows; it is the base line. All three visit
    every row equally often, so their times compare equal work. `ties` probability: in a tie, the class with the highest summed
    probability wins; lowest: the lowest label wins.
    """

    kind: ClassVar[str] = "ensemble"
    quality: ClassVar[str] = "accuracy"
    libraries: ClassVar[tuple[str, ...]] = ("sklearn",)
    epochs: ClassVar[int] = 12
    """12 is divisible by 2, 3, 4 and 6 members, which `cover` full needs."""
    batch_size: ClassVar[int] = 200

    members: int = 4
    cover: str = "shard"
    ties: str = "probability"
    single: bool = False

    def __post_init__(self) -> None:
        for name, value, allowed in (("cover", self.cover, COVERS), ("ties", self.ties, TIES)):
            if value not in allowed:
                raise UsageError(f"{self.name} {name}={value} is none of {', '.join(allowed)}")
        if self.members < 1:
            raise UsageError(f"{self.name} members={self.members} is not a whole number above 0")

    @abstractmethod
    def load(self, data_dir: Path | None) -> Arrays:
        """All rows; their features (rows, columns) are ready for the classifier. Raises DataError that names the file."""

    @abstractmethod
    def classifier(self, seed: int, passes: int, batch_size: int) -> Any:
        """A new scikit-learn classifier with `predict_proba`; its training makes exactly `passes` passes."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        arrays = self.load(data_dir).training_rows(samples)
        self.member_rows(arrays, seed=0)

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir).x_train)

    def check_epochs(self, epochs: int) -> None:
        self.passes(epochs)

    @property
    def fits(self) -> int:
        """The number of classifiers to train."""
        return 1 if self.single else self.members

    def passes(self, epochs: int) -> int:
        """Passes of each member over its rows; with `cover` full, raises UsageError when `epochs` is not divisible by members."""
        if self.single or self.cover == "shard":
            return epochs
        if epochs % self.members:
            more = -(-epochs // self.members) * self.members
            raise UsageError(f"{epochs} passes do not divide by {self.members} members that cover all rows; use --epochs {more}")
        return epochs // self.members

    def member_rows(self, arrays: Arrays, seed: int) -> list[Indices]:
        """Row numbers of each member: disjoint parts, or all rows for every member; the same for every engine.

        Raises DataError when the rows of a member lack one of the classes.
        """
        rows = len(arrays.x_train)
        if self.single or self.cover == "full":
            return [np.arange(rows)] * self.fits
        order = epoch_order(rows, seed, 0)
        parts = [np.sort(shard(order, self.members, member).rows) for member in range(self.members)]
        classes = np.unique(arrays.y_train)
        for number, part in enumerate(parts, start=1):
            missing = np.setdiff1d(classes, arrays.y_train[part])
            if len(missing):
                raise DataError(
                    f"{arrays.source}: part {number} of {self.members} has no row of class {missing[0]};"
                    " use more --samples, or fewer with --set members="
                )
        return parts

    def vote(self, probabilities: NDArray[np.floating[Any]]) -> NDArray[np.int64]:
        """The class with the most votes (rows,), from the probabilities (members, rows, classes)."""
        classes = probabilities.shape[2]
        choices = probabilities.argmax(axis=2)
        votes = (choices[:, :, None] == np.arange(classes)).sum(axis=0)
        most = votes == votes.max(axis=1, keepdims=True)
        weight = probabilities.sum(axis=0, dtype=np.float64) if self.ties == "probability" else -np.arange(classes)
        chosen: NDArray[np.int64] = np.where(most, weight, -np.inf).argmax(axis=1)
        return chosen


def fit_member(workload: EnsembleWorkload, member: int, passes: int, batch_size: int, seed: int, x: Any, y: Any) -> Any:
    """The trained classifier of one member; `x` (rows, columns) and `y` (rows,) are its own rows."""
    from sklearn.exceptions import ConvergenceWarning

    # The number of passes is fixed on purpose. The filter is not restored: `catch_warnings` is not safe in threads.
    warnings.simplefilter("ignore", ConvergenceWarning)
    return workload.classifier(seed + member, passes, batch_size).fit(x, y)
