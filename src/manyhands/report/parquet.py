"""Records -> one Parquet file, for pandas, DuckDB and their like: one row a record, the columns of the CSV with their types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyhands.record import Record
from manyhands.report.csv_and_json import flat_record
from manyhands.report.page.script import need


def write_parquet(records: Sequence[Record], path: Path) -> None:
    """Writes the file. Lists are JSON texts; a column that holds more than one type is text throughout; null is not measured.

    Raises Unavailable, with what to install, when pyarrow is missing.
    """
    need("pyarrow")
    import pyarrow
    from pyarrow import parquet

    rows = [flat_record(record) for record in records]
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = pyarrow.table({name: pyarrow.array(_one_type([row.get(name) for row in rows])) for name in names})
    parquet.write_table(table, path, compression="zstd")


def _one_type(values: Sequence[Any]) -> list[Any]:
    """The values as they are when all are of one type (whole numbers count as numbers), else as text."""
    types = {type(value) for value in values if value is not None}
    if len(types) < 2:
        return list(values)
    if types == {int, float}:
        return [None if value is None else float(value) for value in values]
    return [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
