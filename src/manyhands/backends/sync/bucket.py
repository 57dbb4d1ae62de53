"""`bucket=MB`: like `every-step`, with messages of another size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from manyhands.backends.sync.strategy import Site, Strategy
from manyhands.errors import UsageError


class Bucket(Strategy):
    """DistributedDataParallel sends gradients in buckets; by default a first one of 1 MiB and further ones of 25 MiB."""

    name: ClassVar[str] = "bucket"
    summary: ClassVar[str] = "averages gradients in messages of so many MiB (PyTorch's default: 1, then 25)"
    takes: ClassVar[str] = "MB"
    exact: ClassVar[bool] = True

    def __init__(self, value: str = "") -> None:
        super().__init__(value)
        try:
            self.size = float(value)
        except ValueError:
            self.size = 0.0
        if not 0 < self.size < float("inf"):
            raise UsageError(f"--sync {self.text}: bucket takes a number of MiB above 0; write for example bucket=4")

    def options(self, site: Site) -> Mapping[str, Any]:
        return {"bucket_cap_mb": self.size}
