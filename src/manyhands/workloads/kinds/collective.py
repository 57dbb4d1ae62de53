"""Kind `collective`: only the exchange between workers, without training: an all-reduce of growing messages.

Every worker fills a message with its own values, all workers sum them, and every sum is checked. `train` is the time of the
all-reduce alone. Source of the reported values: nccl-tests (https://github.com/NVIDIA/nccl-tests).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from manyhands.errors import UsageError
from manyhands.workloads.workload import Workload

ELEMENT_BYTES = 4
"""Messages are float32."""


@dataclass(frozen=True)
class CollectiveWorkload(Workload):
    """Messages of 1, 10, 100, ... elements up to `largest`, each exchanged `repetitions` times after `warmup` untimed ones."""

    kind: ClassVar[str] = "collective"
    data: ClassVar[str] = "none"
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    extra: ClassVar[str] = "torch"
    fewest_workers: ClassVar[int] = 2
    quality: ClassVar[str] = "bus_bandwidth_gb_per_s"

    largest: int = 100_000_000
    repetitions: int = 10
    warmup: int = 3

    def __post_init__(self) -> None:
        for name, fewest in (("largest", 1), ("repetitions", 1), ("warmup", 0)):
            if getattr(self, name) < fewest:
                raise UsageError(f"{self.name} {name}={getattr(self, name)} is not a whole number of {fewest} or more")

    def check_data(self, data_dir: Path | None, samples: int | None) -> None:
        """There is no data to read."""

    def count_rows(self, data_dir: Path | None) -> int:
        return 0

    def sizes(self) -> list[int]:
        """Elements of every message, ascending: the powers of ten below `largest`, and `largest`."""
        return [*(10**power for power in range(len(str(self.largest))) if 10**power < self.largest), self.largest]
