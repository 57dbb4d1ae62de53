"""The JSON Schema of a record with the words of the source beside it; `docs/records.schema.json` is this.

python -m manyhands.report.schema > docs/records.schema.json
"""

from __future__ import annotations

import ast
import inspect
import json
from typing import Any

from manyhands.record import Record
from manyhands.schemas.record import PROPERTIES, RECORD, SCHEMA


def record_schema() -> dict[str, Any]:
    """The schema (JSON Schema 2020-12) of one line of a record file."""
    described = _descriptions()
    properties = {
        name: dict(schema) | ({"description": described[name]} if name in described else {})
        for name, schema in PROPERTIES.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"manyhands record, schema {SCHEMA}",
        "description": "One line of a record file (JSON Lines): what one run leaves behind. Null means not measured, never 0.",
        **RECORD,
        "properties": properties,
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
