"""Spark's settings for `--memory-limit`: the size of Java's heap, and the share of the heap for rows.

The heap is as large as the limit, or the limit times the number of workers when they share one Java. Rows that do not fit in
the heap are written to disk. The heap is never below 512 MiB, about the least with which Spark starts; with a smaller limit
the rows still get no more than the limit. The limit does not cover Java's memory outside the heap, or the Python process of
a worker: that process needs about 0.3 GB for its libraries and holds one chunk of rows at a time, because XGBoost's matrix is
on disk (`estimators.boosting_on_disk`).
"""

from __future__ import annotations

from manyhands.plan import RunSpec

SMALLEST_HEAP = 512 << 20
"""Spark refuses a heap below 1.5 x SET_ASIDE: org.apache.spark.memory.UnifiedMemoryManager."""
SET_ASIDE = 300 << 20
"""Bytes of the heap that Spark keeps for itself."""
FRACTION = 0.6
"""Spark's default of `spark.memory.fraction`: the share of the remaining heap that rows and their exchange may use."""


def memory_settings(spec: RunSpec) -> dict[str, str]:
    """The settings that keep Spark within the limit of the spec; empty without a limit."""
    if spec.memory_limit is None:
        return {}
    limit = spec.memory_limit * (1 if spec.address else spec.workers)
    heap = max(limit, SMALLEST_HEAP)
    rows = min(limit, FRACTION * (heap - SET_ASIDE))
    return {
        f"spark.{'executor' if spec.address else 'driver'}.memory": f"{heap >> 20}m",
        "spark.memory.fraction": f"{rows / (heap - SET_ASIDE):.4f}",
    }
