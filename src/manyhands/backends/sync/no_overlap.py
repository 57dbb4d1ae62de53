"""`no-overlap`: like `every-step`, but in one message after the whole backward pass. The difference is what the overlap saves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy

MEBIBYTE = 2**20


class NoOverlap(Strategy):
    """One bucket with all gradients: it is full when the last gradient is there."""

    name: ClassVar[str] = "no-overlap"
    summary: ClassVar[str] = "averages all gradients in one message after the backward pass"
    exact: ClassVar[bool] = True

    def options(self, site: Site) -> Mapping[str, Any]:
        return {"bucket_cap_mb": site.weight_bytes // MEBIBYTE + 1}
