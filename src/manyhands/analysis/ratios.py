"""A launch's value, and the ratio of two cells' values with its interval; `launch_model` makes the one from the other."""

from __future__ import annotations

from dataclasses import dataclass

Block = tuple[str, int]
"""Identity of an invocation, and the repeat in it; the launches of one block ran close together in time."""


@dataclass(frozen=True)
class LaunchValue:
    """The result of one launch: a positive amount (for example rows a second), and the block of the launch."""

    block: Block
    value: float
    engine: str = ""
    """The engine that served this launch and others (`--reuse-engine`); empty for a launch with processes of its own."""


@dataclass(frozen=True)
class Ratio:
    """A ratio of two cells; `low` and `high` are its 95 % bounds, None with one launch."""

    value: float
    low: float | None
    high: float | None
    launches: int
    """The number of launches of the cell with fewer."""
    method: str
    """`cell + block` or `one launch`."""
