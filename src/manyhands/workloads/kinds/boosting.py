"""Kind `boosting`: gradient-boosted trees. The workload gives labelled rows, XGBoost parameters and a number of rounds.

An engine trains with exactly `parameters(...)` and `rounds` on the training rows and returns the booster. manyhands itself
computes predictions and quality, on the same held-out rows for all engines.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from manyhands.data.tabular import LabelledRows
from manyhands.errors import UsageError
from manyhands.workloads.workload import Workload


@dataclass(frozen=True)
class BoostingWorkload(Workload):
    """`rounds` trees (for each class, with more than two) of depth `max_depth` or less, with `max_bins` bins per column."""

    kind: ClassVar[str] = "boosting"
    quality: ClassVar[str] = "accuracy"
    libraries: ClassVar[tuple[str, ...]] = ("xgboost",)
    extra: ClassVar[str] = "xgboost"

    rounds: int = 100
    max_depth: int = 6
    learning_rate: float = 0.3
    max_bins: int = 256

    def __post_init__(self) -> None:
        for name in ("rounds", "max_depth", "max_bins"):
            if getattr(self, name) < 1:
                raise UsageError(f"{self.name} {name}={getattr(self, name)} is not a whole number above 0")

    @abstractmethod
    def load(self, data_dir: Path | None, samples: int | None) -> LabelledRows:
        """The rows in parts on disk, with `samples` training rows; None means all. Raises DataError that names the file."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        self.load(data_dir, samples)

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir, None).train)

    def training_bytes(self, data_dir: Path | None, samples: int | None) -> int:
        return self.load(data_dir, samples).train.bytes

    def parameters(self, classes: int, seed: int, threads: int) -> dict[str, Any]:
        """Parameters for `xgboost.train` and its Dask and Ray forms; Spark's estimators use the same names, except `nthread`.

        The starting score is set, because XGBoost otherwise estimates it from rows, which each engine divides differently.
        """
        objective = (
            {"objective": "binary:logistic", "base_score": 0.5}
            if classes == 2
            else {"objective": "multi:softprob", "num_class": classes}
        )
        return objective | {
            "tree_method": "hist",
            "max_depth": self.max_depth,
            "eta": self.learning_rate,
            "max_bin": self.max_bins,
            "seed": seed,
            "nthread": threads,
        }
