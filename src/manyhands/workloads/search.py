"""`search`: a grid of random-forest settings on labelled rows that fit in memory; the processor is the bottleneck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from manyhands.data.tabular import load_table
from manyhands.errors import UsageError
from manyhands.workloads._table_file import TableFile
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.search import SearchWorkload


@dataclass(frozen=True)
class Search(TableFile, SearchWorkload):
    """All combinations of depths, leaf sizes and shares of columns; by default 12 candidates on 3 folds, so 36 fits."""

    name: ClassVar[str] = "search"
    summary: ClassVar[str] = "hyper-parameter grid over random forests"
    data: ClassVar[str] = "tabular"

    trees: int = 20
    depths: tuple[str, ...] = ("4", "8", "16")
    leaves: tuple[str, ...] = ("1", "10")
    shares: tuple[str, ...] = ("0.2", "0.5")
    """Shares of the columns that a tree tries at each split."""
    rows: int = 4000
    """The largest number of rows without --samples; all rows of a large table would take minutes."""
    label: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.grid()
        except ValueError as error:
            raise UsageError(f"search grid: {error}; write depths=4,8 leaves=1,5 shares=0.2,0.5") from None

    def load(self, data_dir: Path | None, samples: int | None) -> Arrays:
        table = load_table(data_dir, samples, self.file or None, self.label or None, self.written)
        train = table.train if samples else table.train.first(self.rows)
        return Arrays(train.read_x(), train.read_y(), table.test.read_x(), table.test.read_y(), table.source)

    def grid(self) -> Mapping[str, Sequence[Any]]:
        return {
            "max_depth": [int(depth) for depth in self.depths],
            "max_features": [float(share) for share in self.shares],
            "min_samples_leaf": [int(leaf) for leaf in self.leaves],
        }

    def model(self, settings: Mapping[str, Any], seed: int, threads: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(self.trees, random_state=seed, n_jobs=threads, **settings)
