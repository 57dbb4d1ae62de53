from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.analysis.example import example_record, example_records
from manyhands.report.parquet import to_parquet

parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'manyhands[report]'")


def test_a_row_for_every_record_with_types_and_nulls(tmp_path: Path) -> None:
    records = [*example_records(), example_record(1.0, {"address": None}, status="failed", reason="it broke", id="f")]
    (tmp_path / "r.parquet").write_bytes(to_parquet(records))
    table = parquet.read_table(tmp_path / "r.parquet")
    assert table.num_rows == 13
    assert str(table.schema.field("phases.train_s").type) == "double"
    assert str(table.schema.field("spec.workers").type) == "int64"
    assert table["phases.save_s"].null_count == 13
    assert table["spec.address"].to_pylist()[-1] is None


def test_a_column_of_several_types_is_text(tmp_path: Path) -> None:
    records = [example_record(1.0, {"settings": {"cell": value}}, id=str(value)) for value in (1, "all", True)]
    (tmp_path / "r.parquet").write_bytes(to_parquet(records))
    assert parquet.read_table(tmp_path / "r.parquet")["spec.settings.cell"].to_pylist() == ["1", "all", "true"]
