"""Which estimators `dask` cannot run as they were asked for, in words, before anything is started."""

from __future__ import annotations

from manyhands.backends.joblib.backend import too_few_tasks
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class


def refuse_estimator(spec: RunSpec) -> str | None:
    """Why a run cannot keep `--memory-limit`, or has too few tasks for its workers; None when it can run."""
    kind = workload_class(spec.workload).kind
    if spec.memory_limit is not None:
        if kind not in ("clustering", "boosting"):
            return f"dask keeps --memory-limit for rows that it holds itself, which those for {kind} are not; leave it out"
        if spec.address:
            return "the workers of a running Dask cluster have their own memory limits; leave --memory-limit out, or --address"
    return too_few_tasks(spec)
