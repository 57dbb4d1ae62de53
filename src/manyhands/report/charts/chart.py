"""A chart: a Vega-Lite specification, the words that stand for it, and the table of its data.

Colours are CSS variables (`var(--series-1)`), so that one drawing serves the light page, the dark page and print; `look.py` holds
the values that image files get.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Spec = Mapping[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the format; nothing is fetched from there."""


@dataclass(frozen=True)
class Key:
    """One line of a legend."""

    label: str
    colour: str
    dash: tuple[int, ...] = ()


@dataclass(frozen=True)
class Chart:
    """One picture of a group of records."""

    name: str
    """Short name, for the file of an image."""
    title: str
    words: str
    """The text alternative of the picture, for screen readers."""
    spec: Spec
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """The data behind the picture, as shown in its table."""
    legend: tuple[Key, ...] = ()
    note: str = ""
    """One line on how to read the picture."""
    size: str = "half"
    """`half` or `full` width of the page on a wide screen, or `small`."""


def specification(values: Sequence[Mapping[str, Any]], layers: Sequence[Spec], **more: Any) -> Spec:
    """A layered specification as wide as its container."""
    return {"$schema": SCHEMA, "width": "container", "data": {"values": list(values)}, "layer": list(layers), **more}


def quantity(field: str, title: str | None, **more: Any) -> dict[str, Any]:
    """An encoding of a number."""
    return {"field": field, "type": "quantitative", "title": title, **more}


def category(field: str, title: str | None = None, **more: Any) -> dict[str, Any]:
    """An encoding of a name."""
    return {"field": field, "type": "nominal", "title": title, **more}


def coloured(legend: Sequence[Key], field: str = "series") -> dict[str, Any]:
    """An encoding that gives every name in `field` the colour of its key. The legend is drawn beside the chart, not in it."""
    scale = {"domain": [key.label for key in legend], "range": [key.colour for key in legend]}
    return category(field, scale=scale, legend=None)


def dashed(legend: Sequence[Key], field: str = "series") -> dict[str, Any]:
    """An encoding that gives every name in `field` the dashes of its key."""
    scale = {"domain": [key.label for key in legend], "range": [list(key.dash) or [1, 0] for key in legend]}
    return category(field, scale=scale, legend=None)
