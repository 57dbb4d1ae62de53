"""Records -> one Parquet file, for pandas, DuckDB and their like: one row a record, the columns of the CSV with their types."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

from manyhands.record import Record
from manyhands.report.csv_and_json import flat_columns
from manyhands.report.page.script import need


def to_parquet(records: Sequence[Record]) -> bytes:
    """The content of the file. Lists are JSON texts; a column that holds more than one type is text throughout; null is not measured.

    Raises Unavailable, with what to install, when pyarrow is missing.
    """
    need("pyarrow")
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table({name: pyarrow.array(values) for name, values in flat_columns(records).items()})
    content = BytesIO()
    parquet.write_table(table, content, compression="zstd")
    return content.getvalue()
