"""JSON Schema -> a check of plain values, fast enough for thousands of records; its errors name the place of a wrong value.

The part of JSON Schema 2020-12 that is understood is KEYWORDS. A `title` gives the words for a value or a field in messages.
Stricter than JSON Schema in two points: a number is finite, and where a schema says nothing, values are not nested deeply.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

KEYWORDS = {
    "type",
    "enum",
    "const",
    "minimum",
    "exclusiveMinimum",
    "maximum",
    "minLength",
    "minItems",
    "items",
    "properties",
    "additionalProperties",
    "required",
    "if",
    "then",
    "else",
    *("$schema", "title", "description"),
}
LARGEST = 1.7976931348623157e308
"""The largest double: what is above it is infinite for every other reader of JSON."""
DEEPEST = 40
"""Levels of lists and maps inside each other where a schema says nothing; Python itself ends at about 1000."""
SHOWN = 40
"""Signs of a wrong value that a message repeats."""
WORDS = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "map",
    "array": "list",
    "null": "null",
}
KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list, tuple),
    "null": (type(None),),
}
"""Name of a type in JSON Schema -> the types of Python's `json`, and the tuple, which `json` writes as a list."""

HOLDERS = {dict, list, tuple}


class Fault(NamedTuple):
    """A value that a schema refuses."""

    place: str
    """Its place, such as `spec.workers` or `history[2].loss`; empty for the whole."""
    problem: str
    """Such as `is 'two', which is no whole number from 1 on`."""

    def __str__(self) -> str:
        return f"{self.place} {self.problem}" if self.place else self.problem

    def inside(self, name: str) -> Fault:
        """The same fault, with its place inside a map or a list."""
        return Fault(f"{name}{'.' if self.place and self.place[0] != '[' else ''}{self.place}", self.problem)


Check = Callable[[Any], Fault | None]


def checker(schema: Mapping[str, Any]) -> Check:
    """The check of a schema: it returns the first fault of a value, or None. Raises ValueError for a keyword that is not understood."""
    return _checker(schema, lambda value: too_deep(value, DEEPEST))


def _checker(schema: Mapping[str, Any], free: Check) -> Check:
    """`free`: the check of values about which the schema says nothing."""
    if unknown := set(schema) - KEYWORDS:
        raise ValueError(f"not understood in a schema: {', '.join(sorted(unknown))}")
    if not set(schema) - {"title", "description"}:
        return free
    check = _of_type(schema, free)
    return _both(check, _choice(schema)) if "if" in schema else check


def _of_type(schema: Mapping[str, Any], free: Check) -> Check:
    """The check of a value by its type and bounds, and of what is in it."""
    names = [schema["type"]] if isinstance(schema.get("type"), str) else list(schema.get("type", WORDS))
    kinds = frozenset(kind for name in names for kind in KINDS[name])
    most = schema.get("maximum", LARGEST)
    least, above, shortest = schema.get("minimum", -LARGEST), schema.get("exclusiveMinimum"), schema.get("minLength", 0)
    choices = schema.get("enum") or ([schema["const"]] if "const" in schema else None)
    has_inner = {"properties", "additionalProperties", "required"} & set(schema)
    inner = _of_map(schema, free) if has_inner else free
    items = _of_items(schema["items"], schema.get("minItems", 0), free) if "items" in schema else free
    wanted = _wanted(schema, names)

    def check(value: Any) -> Fault | None:
        kind = type(value)
        if kind not in kinds and (kind := _plain_kind(value)) not in kinds:
            return _wrong(value, wanted)
        if kind is float or kind is int:
            if not least <= value <= most or (above is not None and value <= above):
                return _wrong(value, wanted)
        elif kind is dict:
            return inner(value)
        elif kind is list or kind is tuple:
            return items(value)
        if (choices is not None and value not in choices) or (shortest and len(value or "") < shortest):
            return _wrong(value, wanted)
        return None

    return check


def _plain_kind(value: Any) -> type:
    """The type of Python's `json` that a value is written as, for subclasses and other maps."""
    known = next((kind for kind in (bool, str, int, float, tuple, list) if isinstance(value, kind)), None)
    return known or (dict if isinstance(value, Mapping) else type(value))


def _of_map(schema: Mapping[str, Any], free: Check) -> Check:
    own = {name: _checker(part, free) for name, part in schema.get("properties", {}).items()}
    rest, required = schema.get("additionalProperties", {}), schema.get("required", ())
    other = _checker(rest, free) if isinstance(rest, Mapping) else None
    what = schema.get("title", "field")

    def check(value: Mapping[str, Any]) -> Fault | None:
        for name, item in value.items():
            known = own.get(name, other)
            if known is None:
                return Fault("", f"has the unknown {what} {', '.join(sorted(str(one) for one in set(value) - set(own)))}")
            if (fault := known(item)) is not None:
                return fault.inside(str(name))
        for name in required:
            if name not in value:
                return Fault(name, "is missing")
        return None

    return check


def _of_items(schema: Mapping[str, Any], fewest: int, free: Check) -> Check:
    item_check = _checker(schema, free)

    def check(values: Sequence[Any]) -> Fault | None:
        if len(values) < fewest:
            return Fault("", f"has {len(values)} values, which is fewer than {fewest}")
        for place, item in enumerate(values):
            if (fault := item_check(item)) is not None:
                return fault.inside(f"[{place}]")
        return None

    return check


def _choice(schema: Mapping[str, Any]) -> Check:
    """`if` a value fits, `then` this schema applies, `else` the other."""
    fits, then, otherwise = (_checker(schema.get(word, {}), lambda value: None) for word in ("if", "then", "else"))
    return lambda value: then(value) if fits(value) is None else otherwise(value)


def _both(first: Check, second: Check) -> Check:
    return lambda value: first(value) or second(value)


def too_deep(value: Any, room: int) -> Fault | None:
    """A fault when lists and maps are more than `room` levels inside each other."""
    if not isinstance(value, dict | list | tuple):
        return None
    if room == 0:
        return Fault("", "has lists or maps that lie too deep inside each other")
    inside = value.values() if isinstance(value, dict) else value
    if HOLDERS.isdisjoint(map(type, inside)):  # a long list of numbers is seen at once
        return None
    for item in inside:
        if (fault := too_deep(item, room - 1)) is not None:
            return fault
    return None


def _wanted(schema: Mapping[str, Any], names: Sequence[str]) -> str:
    """The words for what is allowed, such as `no whole number from 1 on`."""
    if "enum" in schema or "const" in schema:
        return f"none of {', '.join(map(str, schema.get('enum', [schema.get('const')])))}"
    if "title" in schema and "object" not in names:
        return f"no {schema['title']}"
    bound = f" from {schema['minimum']} on" if "minimum" in schema else ""
    bound += f" above {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else ""
    bound += f" up to {schema['maximum']:g}" if "maximum" in schema else ""
    words = [WORDS[name] + (bound if name in ("integer", "number") else "") for name in names if name != "null"]
    return f"no {' or '.join(words)}"


def _wrong(value: Any, wanted: str) -> Fault:
    try:
        shown = repr(value)
    except (ValueError, RecursionError):  # a number of thousands of digits, or thousands of lists inside each other
        shown = "a very long value"
    return Fault("", f"is {shown if len(shown) <= SHOWN else f'{shown[:SHOWN]}...'}, which is {wanted}")
