"""The JSON Schema of a record, from the fields of `Record` and the words beside them; `docs/records.schema.json` is this.

python -m manyhands.report.schema > docs/records.schema.json
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, get_type_hints

from manyhands.record import PHASES, SCHEMA, STATUSES, TRAIN_SPLIT, Record

SECONDS = {"type": ["number", "null"], "description": "Seconds; null is not measured."}
SPAN = {"type": ["object", "null"], "properties": {name: {"type": "number"} for name in ("seconds", "used_s", "stolen_s")}}
OTHER_PROGRAMS = {
    "type": ["object", "null"],
    "properties": {
        "allowed_cores": {"type": "number"},
        "allowed_stolen_cores": {"type": "number"},
        "run": SPAN,
        "train": SPAN,
    },
    "required": ["allowed_cores", "allowed_stolen_cores", "run", "train"],
    "additionalProperties": False,
}
TYPES: Mapping[str, Mapping[str, Any]] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "str | None": {"type": ["string", "null"]},
    "float | None": {"type": ["number", "null"]},
    "Mapping[str, Any]": {"type": "object"},
    "Mapping[str, str]": {"type": "object", "additionalProperties": {"type": "string"}},
    "Mapping[str, float | None]": {"type": "object"},
    "tuple[Mapping[str, Any], ...]": {"type": "array", "items": {"type": "object"}},
}
"""Annotation of a field -> what JSON may hold there."""


def record_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of one line of a record file."""
    annotations, said = Record.__annotations__, _descriptions()
    get_type_hints(Record)  # an annotation that means nothing is our own mistake
    properties = {field.name: dict(TYPES[annotations[field.name]]) for field in fields(Record)}
    for name, text in said.items():
        properties[name]["description"] = text
    properties["schema"] = {"const": SCHEMA}
    properties["status"]["enum"] = list(STATUSES)
    properties["resources"]["properties"] = {"other_programs": OTHER_PROGRAMS}
    properties["plan"]["properties"] = {"why": {"type": "string"}}
    for name, parts in (("phases", PHASES), ("train_split", TRAIN_SPLIT)):
        properties[name] |= {"properties": {f"{part}_s": SECONDS for part in parts}, "additionalProperties": False}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"manyhands record, schema {SCHEMA}",
        "description": "One line of a record file (JSON Lines): what one run leaves behind. Null means not measured, never 0.",
        "type": "object",
        "properties": properties,
        "required": ["schema", *(f.name for f in fields(Record) if f.default is MISSING and f.default_factory is MISSING)],
        "additionalProperties": False,
        "if": {"properties": {"status": {"const": "ok"}}},
        "else": {"properties": {"reason": {"type": "string", "minLength": 1}}, "required": ["reason"]},
    }


def _descriptions() -> dict[str, str]:
    """Field -> the words that stand under it in the source."""
    body = ast.parse(inspect.getsource(Record)).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for before, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(before, ast.AnnAssign) and isinstance(before.target, ast.Name) and isinstance(after, ast.Expr):
            found[before.target.id] = " ".join(ast.literal_eval(after.value).split())
    return found


def as_text() -> str:
    """The schema as the file in `docs/` holds it."""
    return json.dumps(record_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(as_text(), end="")
