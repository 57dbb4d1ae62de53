"""Columns that only number the rows of a table, such as the index that pandas writes: as features they are worse than nothing."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from manyhands.errors import AsRead

if TYPE_CHECKING:
    import pandas as pd

LOOKED_AT = 10_000
"""Rows that are looked at."""
NO_NAME = re.compile(r"Unnamed: \d+|")
"""The name that pandas gives a column without one."""
NUMBERING = re.compile(r"(?i:(.*[\s_.-])?(id|idx|index|row|rows|no|nr|num|number|#))|.*[a-z](ID|Id|Index)")
"""Names of columns that may number the rows."""


def numbering(frame: pd.DataFrame) -> list[str]:
    """The names of the columns that only number the rows, from the first rows of a table.

    A column without a name is one when all its values are different whole numbers; one that is called id, index, row or number when
    its values count up from 0 or 1.
    """
    return [str(name) for name in frame.columns if _numbers_rows(str(name), frame[name])]


def _numbers_rows(name: str, column: pd.Series[int]) -> bool:
    nameless = NO_NAME.fullmatch(name)
    if len(column) < 2 or column.dtype.kind not in "iu" or not (nameless or NUMBERING.fullmatch(name)):
        return False
    values = column.to_numpy()
    if nameless:
        return len(np.unique(values)) == len(values)
    return values[0] in (0, 1) and bool((np.diff(values) == 1).all())


def say_as_read(source: str, left_out: Sequence[str], first_is_data: bool) -> None:
    """Warns (AsRead) of columns that were left out, and of a first line that was taken for data."""
    if left_out:
        columns = ", ".join(repr(name) for name in left_out)
        _say(f"{source}: left out {columns}, which only number the rows; add --set row_numbers=true to keep them")
    if first_is_data:
        _say(
            f"{source}: its first line is data, so its columns are called 1, 2, ...; if it has the names, add --set header=names"
        )


def _say(text: str) -> None:
    warnings.warn(text, AsRead, stacklevel=4)
