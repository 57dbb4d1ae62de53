from __future__ import annotations

import copy
import json
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import jsonschema
import pytest

from manyhands.analysis.example import example_exchange, example_record, example_records
from manyhands.errors import RecordError
from manyhands.measure.worker_report import WorkerReport
from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.report.schema import as_text, record_schema
from manyhands.schemas.record import PROPERTIES, SPEC, WORKER

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
        {"machine": None},
        {"phases": {"train_s": 0}},
        {"phases": {"train_s": -3}},
        {"wall_s": 0},
        {"spec": {"workers": "2"}},
        {"per_worker": [{"phases": []}]},
        {"history": [1]},
    ],
)
def test_what_a_record_cannot_be_is_invalid(validator: Any, wrong: dict[str, Any]) -> None:
    assert not validator.is_valid(json.loads(example_record(1.0, {}).to_json()) | wrong)


@pytest.mark.skipif(not DOCS.is_dir(), reason="needs the folder docs/ of the repository")
@pytest.mark.parametrize("path", sorted((DOCS / "results").glob("*.jsonl")), ids=lambda path: path.stem)
def test_stored_records_of_older_versions_are_valid(path: Path, validator: Any) -> None:
    for line in path.read_text().splitlines():
        validator.validate(json.loads(line))


def test_a_record_has_the_fields_of_a_run_and_of_a_worker() -> None:
    """The classes above `record` add no field that its schema does not know."""
    assert set(SPEC["properties"]) == {field.name for field in fields(RunSpec)}
    assert set(WORKER["properties"]) == {field.name for field in fields(WorkerReport)}
    assert set(PROPERTIES) == {field.name for field in fields(Record)}


def changed(values: Any, chance: Random) -> Any:
    """The values of a record with one value, anywhere in it, replaced by another kind of value."""
    values = copy.deepcopy(values)
    holder, key = values, chance.choice(list(values))
    while chance.random() < 0.7 and isinstance(holder[key], dict | list) and holder[key]:
        holder = holder[key]
        key = chance.choice(list(holder)) if isinstance(holder, dict) else chance.randrange(len(holder))
    holder[key] = chance.choice([None, True, 0, -3, 1.5, 10**400, "", "two", [], [1], {}, {"a": 1}])
    return values


def test_the_check_and_the_published_schema_refuse_the_same(validator: Any) -> None:
    chance, refused = Random(1), 0
    originals = [json.loads(record.to_json()) for record in (*example_records(repeats=1), example_exchange("ddp", 2, {8: [0.1]}))]
    for _ in range(500):
        values = changed(chance.choice(originals), chance)
        accepted = is_record(json.dumps(values))
        if 10**400 in leaves(values):  # JSON Schema knows no largest number
            continue
        refused += not accepted
        assert accepted == validator.is_valid(values), json.dumps(values)
    assert refused > 100


def is_record(line: str) -> bool:
    """True when a line is read as a record."""
    try:
        Record.from_json(line)
    except RecordError:
        return False
    return True


def leaves(values: Any) -> list[Any]:
    """The values in maps and lists at any depth."""
    inside = values.values() if isinstance(values, dict) else values if isinstance(values, list) else None
    return [values] if inside is None else [leaf for one in inside for leaf in leaves(one)]
