"""Kind `search`: a grid of settings, scored by cross-validation. The workload gives rows, candidates, folds and the model.

The search works like scikit-learn's `GridSearchCV`: every candidate is trained on the training rows of every fold and scored by
accuracy on the fold's held-out rows; the first candidate with the highest mean wins. An engine only runs `score_candidate` for each
pair of a candidate and a fold.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.partition import Indices
from manyhands.errors import DataError, UsageError
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.workload import Workload


@dataclass(frozen=True)
class SearchWorkload(Workload):
    """Scores every combination of `grid` on `folds` stratified folds."""

    kind: ClassVar[str] = "search"
    quality: ClassVar[str] = "accuracy"
    libraries: ClassVar[tuple[str, ...]] = ("sklearn",)

    folds: int = 3

    def __post_init__(self) -> None:
        if self.folds < 2:
            raise UsageError(f"{self.name} folds={self.folds}: a fold is held out and the rest trains, so use 2 or more")

    @abstractmethod
    def load(self, data_dir: Path | None, samples: int | None) -> Arrays:
        """The rows for the search, and the held-out rows for the final score. Raises DataError that names the file."""

    @abstractmethod
    def grid(self) -> Mapping[str, Sequence[Any]]:
        """Name of a setting of the model -> the values to try."""

    @abstractmethod
    def model(self, settings: Mapping[str, Any], seed: int, threads: int) -> Any:
        """A new scikit-learn classifier; the same rows, settings and seed must give the same model."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        arrays = self.load(data_dir, samples)
        self.splits(arrays, seed=0)

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir, None).x_train)

    def candidates(self) -> list[dict[str, Any]]:
        """All combinations of the grid, in scikit-learn's order."""
        from sklearn.model_selection import ParameterGrid

        return list(ParameterGrid({name: list(values) for name, values in self.grid().items()}))

    def splits(self, arrays: Arrays, seed: int) -> list[tuple[Indices, Indices]]:
        """(training, held-out) row numbers of each fold, the same for every engine; raises DataError for too small a class."""
        from sklearn.model_selection import StratifiedKFold

        smallest = int(np.unique(arrays.y_train, return_counts=True)[1].min())
        if smallest < self.folds:
            raise DataError(
                f"{arrays.source}: a class of {smallest} rows cannot be in each of {self.folds} folds; use more --samples"
            )
        folds = StratifiedKFold(self.folds, shuffle=True, random_state=seed)
        return [(train, test) for train, test in folds.split(arrays.x_train, arrays.y_train)]


def score_candidate(
    workload: SearchWorkload, settings: Mapping[str, Any], fold: tuple[Indices, Indices], seed: int, threads: int, x: Any, y: Any
) -> float:
    """Accuracy on the held-out rows of a fold, of a model trained on its training rows; `x` and `y` hold all rows."""
    train, test = fold
    model = workload.model(settings, seed, threads).fit(x[train], y[train])
    return float(model.score(x[test], y[test]))


def best(scores: NDArray[np.float64]) -> int:
    """The number of the first candidate with the highest mean score; `scores` is (candidates, folds)."""
    return int(scores.mean(axis=1).argmax())
