"""Kind `boosting`: gradient-boosted trees; offers labelled rows, one set of XGBoost parameters and a number of rounds.

An engine trains with exactly `parameters(...)` and `rounds` on the training rows and gives back the booster. Prediction and
quality are ours, on the same held-out rows for all.
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
    """`rounds` trees (times the classes, beyond two) of at most `max_depth`, on `max_bins` bins a column."""

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
        """The rows in parts on disk; `samples` of them train, None means all. Raises DataError naming the file."""

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        self.load(data_dir, samples)

    def count_rows(self, data_dir: Path | None) -> int:
        return len(self.load(data_dir, None).train)

    def training_bytes(self, data_dir: Path | None, samples: int | None) -> int:
        return self.load(data_dir, samples).train.bytes

    def parameters(self, classes: int, seed: int, threads: int) -> dict[str, Any]:
        """Parameters for `xgboost.train`, its Dask and its Ray form; Spark's estimators take the same names but `nthread`.

        The starting score is set, because XGBoost otherwise estimates it from rows that each engine holds differently.
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
