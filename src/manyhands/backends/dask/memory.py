"""Dask's settings for `--memory-limit`: a worker writes rows to disk before its memory reaches the limit.

With these settings a worker of 0.6 GB finishes K-means on 2.4 GB of rows. Dask's own settings compare the memory of the whole
process with the limit. Python and its libraries alone come near such a limit, so a worker would stop taking tasks for ever.
"""

from __future__ import annotations

from typing import Any

from manyhands.measure.allocator import ALLOCATOR
from manyhands.plan import RunSpec

LIBRARIES = 550_000_000
"""Bytes of a worker without its rows: about 400 MB before the first row, 500 MB in a task of dask-ml on a chunk of 8 MiB."""
OF_THE_REST = 0.6
"""Dask's default of `distributed.worker.memory.target`: the share of memory for rows; further rows are written to disk."""
SMALLEST_TARGET = 0.05
"""Smallest spill target, as a share of the limit: room for a few chunks; below it Dask spills all the time."""
GIVE_BACK = {"MALLOC_TRIM_THRESHOLD_": str(1 << 16), "MALLOC_MMAP_THRESHOLD_": str(1 << 17)}
"""Makes glibc return freed memory at once, the default of Dask and glibc; memory that glibc keeps counts against the limit."""


def allocator(spec: RunSpec) -> dict[str, str]:
    """Environment variables for the memory allocator of a worker."""
    return ALLOCATOR if spec.memory_limit is None else GIVE_BACK


def memory_configuration(spec: RunSpec) -> dict[str, Any]:
    """Dask's configuration: rows are spilled once they reach their share; the rest of the process's memory is not counted."""
    if spec.memory_limit is None:
        return {}
    target = max(SMALLEST_TARGET, OF_THE_REST * (1 - LIBRARIES / spec.memory_limit))
    memory = "distributed.worker.memory"
    return {f"{memory}.target": target, f"{memory}.spill": False, f"{memory}.pause": False}
