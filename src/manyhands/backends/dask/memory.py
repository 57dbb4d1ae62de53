"""What `--memory-limit` sets on Dask's workers, so that they spill in time and are not ended for what they need anyway.

A worker of 0.6 GB finishes K-means on 2.4 GB of rows that way. Dask's own settings look at the memory of the process: there they
stop giving out tasks for good, because Python and its libraries alone are near the bound.
"""

from __future__ import annotations

from typing import Any

from manyhands.measure.allocator import ALLOCATOR
from manyhands.plan import RunSpec

LIBRARIES = 550_000_000
"""Bytes of a worker beside its rows: about 400 MB before there is one, 500 MB with a task of dask-ml on a chunk of 8 MiB."""
OF_THE_REST = 0.6
"""Dask's own `distributed.worker.memory.target`: the share that rows may take before the next one goes to disk."""
LEAST = 0.05
"""Of the limit: a few chunks, below which nothing would be spilled in peace."""
GIVE_BACK = {"MALLOC_TRIM_THRESHOLD_": str(1 << 16), "MALLOC_MMAP_THRESHOLD_": str(1 << 17)}
"""glibc returns freed memory at once, as Dask and glibc itself would have it: what is kept would count against the limit."""


def allocator(spec: RunSpec) -> dict[str, str]:
    """The environment of a worker's allocator."""
    return ALLOCATOR if spec.memory_limit is None else GIVE_BACK


def memory_configuration(spec: RunSpec) -> dict[str, Any]:
    """Dask's configuration: rows are spilled when they come to their share, whatever the process has beside them."""
    if spec.memory_limit is None:
        return {}
    target = max(LEAST, OF_THE_REST * (1 - LIBRARIES / spec.memory_limit))
    memory = "distributed.worker.memory"
    return {f"{memory}.target": target, f"{memory}.spill": False, f"{memory}.pause": False}
