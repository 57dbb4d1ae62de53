"""Colours and type of all charts. Readers with any common kind of colour blindness can distinguish the colours.

After Okabe and Ito 2008, "Color Universal Design", darkened until lines keep a contrast of 3 to 1 on white.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "ink": "#1b1f24",
    "muted": "#59636e",
    "line": "#d5dae0",
    "base": "#59636e",
    "series-1": "#0072b2",
    "series-2": "#d55e00",
    "series-3": "#00875f",
    "series-4": "#b8558c",
    "series-5": "#a66f00",
    "series-6": "#2791cc",
    "series-7": "#6a3d9a",
    "phase-launch": "#a3abb5",
    "phase-load": "#7fc4ee",
    "phase-warmup": "#e5c04a",
    "phase-compute": "#0072b2",
    "phase-communicate": "#d55e00",
    "phase-input": "#c98bb5",
    "phase-synchronise": "#7d5a50",
    "phase-train": "#4d8fbf",
    "phase-yardstick": "#8a6d3b",
    "phase-evaluate": "#00875f",
    "phase-save": "#6a3d9a",
    "phase-teardown": "#59636e",
}
DARK: Mapping[str, str] = {
    "paper": "#14181d",
    "ink": "#e8ebef",
    "muted": "#a0aab5",
    "line": "#343b44",
    "base": "#b4bdc7",
    "series-1": "#52aaf0",
    "series-2": "#ff8c4d",
    "series-3": "#37c495",
    "series-4": "#ea94c2",
    "series-5": "#edb53c",
    "series-6": "#8fd3f8",
    "series-7": "#b99aec",
    "phase-launch": "#79828d",
    "phase-load": "#8fd3f8",
    "phase-warmup": "#edcf6b",
    "phase-compute": "#3d94dc",
    "phase-communicate": "#ff8c4d",
    "phase-input": "#e0a3cb",
    "phase-synchronise": "#c4a092",
    "phase-train": "#6fb0e3",
    "phase-yardstick": "#c9a86a",
    "phase-evaluate": "#37c495",
    "phase-save": "#b99aec",
    "phase-teardown": "#aeb7c1",
}
SERIES = 7
"""Colours for backends other than the base line; a page with more uses them again, with other labels and shapes."""
SHAPES = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross")
DASHES: tuple[tuple[int, ...], ...] = ((), (6, 3), (2, 2), (8, 3, 2, 3))
FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"


def css(name: str) -> str:
    """The colour of that name, as the page resolves it."""
    return f"var(--{name})"


def variables(colours: Mapping[str, str]) -> str:
    """The colours as CSS declarations."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())


def resolved(value: Any) -> Any:
    """The same specification with every colour written out, for files that no page surrounds."""
    return json.loads(re.sub(r"var\(--([a-z0-9-]+)\)", lambda found: LIGHT[found[1]], json.dumps(value)))


def config() -> dict[str, Any]:
    """The Vega-Lite configuration of all charts."""
    axis = {
        "labelColor": css("muted"),
        "titleColor": css("muted"),
        "titleFontWeight": "normal",
        "domainColor": css("line"),
        "tickColor": css("line"),
        "gridColor": css("line"),
        "gridOpacity": 0.6,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titlePadding": 8,
        "tickSize": 4,
        "labelOverlap": True,
    }
    return {
        "font": FONT,
        "background": "transparent",
        "view": {"stroke": None},
        "axis": axis,
        "legend": {"labelColor": css("ink"), "titleColor": css("muted"), "labelFontSize": 12, "symbolType": "square"},
        "title": {"color": css("ink"), "anchor": "start", "fontSize": 15},
        "text": {"color": css("ink"), "fontSize": 12},
        "locale": {"number": {"decimal": ".", "thousands": " ", "grouping": [3], "currency": ["", ""]}},
    }
