"""Labelled rows with the label among their features: a deliberate mistake that shows its effect on the scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from manyhands.data.row_parts import Part, Rows, rows_stored, write_array
from manyhands.data.tabular import LabelledRows


def with_label(table: LabelledRows) -> LabelledRows:
    """The table with its label as an extra column of training and held-out rows; the new files are written once, beside its own."""
    return replace(table, train=_rows(table.train, table.label), test=_rows(table.test, table.label))


def _rows(rows: Rows, label: str) -> Rows:
    return replace(rows, parts=tuple(map(_part, rows.parts)), columns=(*rows.columns, label))


def _part(part: Part) -> Part:
    path = Path(part.x_path.removesuffix("-x.npy") + "-label-x.npy")
    if not path.is_file():
        whole = replace(part, rows=rows_stored(part.x_path))
        x = whole.x()
        write_array(path, np.column_stack([x, whole.y().astype(x.dtype)]))
    return replace(part, x_path=str(path))
