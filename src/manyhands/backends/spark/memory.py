"""What `--memory-limit` sets on Spark: the heap of its Java, and in it the room for rows.

The limit covers what Spark holds: the heap is the limit, times the workers where they share one Java, and rows that find no room
in it lie on disk. Below 512 MiB the heap stays at that, which is about the least that Spark starts with; its rows then get no more
than the limit. Not covered are Java's own memory beside the heap, and the Python process of a worker, which has some 0.3 GB for
its libraries and then holds one chunk of rows at a time: XGBoost's matrix lies on disk (`estimators.boosting_on_disk`).
"""

from __future__ import annotations

from manyhands.plan import RunSpec

SMALLEST_HEAP = 512 << 20
"""Spark refuses less than 1.5 x what it sets aside: org.apache.spark.memory.UnifiedMemoryManager."""
SET_ASIDE = 300 << 20
"""Of the heap, for Spark itself, before it is shared out."""
FRACTION = 0.6
"""Spark's own `spark.memory.fraction`: the share of the rest that rows and their exchange may take."""


def memory_settings(spec: RunSpec) -> dict[str, str]:
    """The settings that keep Spark within the limit of the spec; none where there is no limit."""
    if spec.memory_limit is None:
        return {}
    limit = spec.memory_limit * (1 if spec.address else spec.workers)
    heap = max(limit, SMALLEST_HEAP)
    rows = min(limit, FRACTION * (heap - SET_ASIDE))
    return {
        f"spark.{'executor' if spec.address else 'driver'}.memory": f"{heap >> 20}m",
        "spark.memory.fraction": f"{rows / (heap - SET_ASIDE):.4f}",
    }
