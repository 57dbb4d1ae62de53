"""`xgboost`: gradient-boosted trees on labelled rows: the embedded rows, known tables, or any CSV or LIBSVM file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from manyhands.data.tabular import LabelledRows, load_table
from manyhands.data.with_label import with_label
from manyhands.workloads._table_file import TableFile
from manyhands.workloads.kinds.boosting import BoostingWorkload


@dataclass(frozen=True)
class XGBoost(TableFile, BoostingWorkload):
    """Learns the rows of `file`, or of the first known table in the data folder, or the embedded rows."""

    name: ClassVar[str] = "xgboost"
    summary: ClassVar[str] = "gradient-boosted trees on labelled rows"
    data: ClassVar[str] = "tabular"

    label: str = ""
    """The column to learn; needed for an unknown CSV file."""
    label_among_features: bool = False
    """True reproduces a published mistake: trees that can read the label are always right."""

    def load(self, data_dir: Path | None, samples: int | None) -> LabelledRows:
        table = load_table(data_dir, samples, self.file or None, self.label or None, self.written)
        return with_label(table) if self.label_among_features else table
