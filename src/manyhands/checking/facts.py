"""`Facts`: what one process saw of a user's training, beside what its runs notice themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Plain values, so that they travel between processes."""

    dropouts: int = 0
    """Layers that drop values at random."""
    random_rows: bool = False
    """True when a row of the data differs from call to call."""
    scheduler_per_step: bool = False
    """True when the learning rate changes after every step."""

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The facts that `to_dict` made."""
        return cls(**values)
