from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from manyhands.analysis.example import example_record, example_records
from manyhands.record import Record
from manyhands.report.schema import as_text, record_schema

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def validator():
    jsonschema.Draft202012Validator.check_schema(record_schema())
    return jsonschema.Draft202012Validator(record_schema())


@pytest.mark.skipif(not DOCS.is_dir(), reason="needs the folder docs/ of the repository")
def test_the_published_schema_is_current() -> None:
    assert (DOCS / "records.schema.json").read_text() == as_text(), (
        "run: python -m manyhands.report.schema > docs/records.schema.json"
    )


def test_it_has_every_field_and_the_words_beside_it() -> None:
    properties = record_schema()["properties"]
    assert set(properties) == {field.name for field in fields(Record)}
    assert properties["started_at"]["description"] == "Start of the run, ISO 8601 in UTC."


def test_records_are_valid(validator: Any) -> None:
    records = [*example_records(), example_record(1.0, {}, status="failed", reason="it broke", wall_s=None)]
    for record in records:
        validator.validate(json.loads(record.to_json()))


@pytest.mark.skipif(not (DOCS / "example" / "records.jsonl").exists(), reason="needs docs/example/records.jsonl")
def test_the_example_of_real_records_is_valid(validator: Any) -> None:
    for line in (DOCS / "example" / "records.jsonl").read_text().splitlines():
        validator.validate(json.loads(line))


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema": 2},
        {"status": "odd"},
        {"phases": {"nap_s": 1}},
        {"wall_s": "1"},
        {"status": "failed"},
        {"more": 1},
        {"spec": []},
    ],
)
def test_what_a_record_cannot_be_is_invalid(validator: Any, wrong: dict[str, Any]) -> None:
    assert not validator.is_valid(json.loads(example_record(1.0, {}).to_json()) | wrong)
