"""The annotations of a dataclass -> the check of plain values that it is made from, so that a file with wrong types is one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from manyhands.schemas.check import Check, checker

SIMPLE: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}
Made = TypeVar("Made")


class WrongValues(ValueError):
    """Values that a dataclass cannot be made from, in one line."""


def made(kind: type[Made], values: Any) -> Made:
    """The dataclass with these values; raises WrongValues for an unknown, a missing or a wrong one.

    Fields that are dataclasses themselves are made before, by another call.
    """
    if fault := _check_of(kind)(values):  # type: ignore[arg-type]  # a class is hashable
        raise WrongValues(str(fault))
    return kind(**values)


@cache
def _check_of(kind: type[Any]) -> Check:
    return checker(schema_of(kind))


def schema_of(annotation: Any) -> dict[str, Any]:
    """The JSON Schema of an annotation: a dataclass, a plain type, a list, a map, a choice, or a union of these."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in SIMPLE:
        return {"type": SIMPLE[annotation]}
    if is_dataclass(annotation):
        return _of_dataclass(annotation)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (UnionType, Union):
        return _of_union([schema_of(one) for one in inner])
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": schema_of(inner[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return {"type": "array", "items": schema_of(inner[0])}
    return {}


def _of_dataclass(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind)
    own = {field.name: {} if _holds_dataclass(hints[field.name]) else schema_of(hints[field.name]) for field in fields(kind)}
    required = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]
    return {"type": "object", "properties": own, "required": required, "additionalProperties": False}


def _holds_dataclass(annotation: Any) -> bool:
    return is_dataclass(annotation) or any(map(_holds_dataclass, get_args(annotation)))


def _of_union(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """One schema for all choices; at most one of them may be a list or a map."""
    if not all("type" in choice for choice in choices):
        return {}
    return {key: value for choice in choices for key, value in choice.items()} | {"type": [choice["type"] for choice in choices]}
