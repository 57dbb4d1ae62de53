"""Heights of labels beside a chart, moved apart until none lies on another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

GAP = 15
"""Pixels from one label to the next."""


def spread_out(values: Sequence[float], bottom: float, top: float, height: float, is_logarithmic: bool = False) -> list[float]:
    """The values, in their order, each moved as little as needed to lie `GAP` pixels from the next."""
    scale = math.log if is_logarithmic else float
    low, high = scale(bottom), scale(top)
    pixels = [(scale(value) - low) / (high - low) * height for value in values]
    order = sorted(range(len(values)), key=lambda place: pixels[place])
    for below, above in pairwise(order):
        pixels[above] = max(pixels[above], pixels[below] + GAP)
    room = height
    for place in reversed(order):  # what was pushed out at the top goes down again, and pushes those below it
        pixels[place] = min(pixels[place], room)
        room = pixels[place] - GAP
    placed = [low + pixel / height * (high - low) for pixel in pixels]
    return [math.exp(place) for place in placed] if is_logarithmic else placed
