from __future__ import annotations

import json
from pathlib import Path

import pytest

from manyhands.analysis.example import example_records
from manyhands.errors import RecordError
from manyhands.report.csv_and_json import to_json
from manyhands.report.sources import load


def values():
    return [json.loads(record.to_json()) for record in example_records()]


def test_reads_what_pytest_benchmark_saved_with_our_records(tmp_path: Path) -> None:
    path = tmp_path / "0001_saved.json"
    path.write_text(json.dumps({"benchmarks": [{"extra_info": {"records": values()}}, {"name": "a reader", "extra_info": {}}]}))
    assert len(load([path])) == 12


def test_reads_its_own_json_back(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(to_json(example_records()))
    assert [record.id for record in load([path])] == [record.id for record in example_records()]


@pytest.mark.parametrize("count", [1, 3])
def test_reads_json_lines_whatever_the_name(tmp_path: Path, count: int) -> None:
    path = tmp_path / "records.json"
    path.write_text("".join(json.dumps(value) + "\n" for value in values()[:count]))
    assert len(load([path])) == count


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"benchmarks": []}', "no records in"),
        ('{"records": [{"schema": 99}]}', "record 1: schema 99 is unknown"),
        ("[1]", "record 1: not a record"),
        ('{"a": 1}', "record 1: not a record"),
        ("nonsense", ":1: not JSON"),
    ],
)
def test_files_without_records_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        load([path])
    assert "file.json" in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"missing\.json"):
        load([tmp_path / "missing.json"])
