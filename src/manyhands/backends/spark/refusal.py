"""Which estimators `spark` cannot run as they were asked for, in words, before anything is started."""

from __future__ import annotations

from manyhands.plan import RunSpec


def refuse_estimator(spec: RunSpec, kind: str) -> str | None:
    """Why a workload of this kind, any but a network, cannot run; None when it can."""
    from manyhands.backends.joblib.backend import too_few_tasks

    if kind == "clustering" and spec.threads > 1:
        return "MLlib's K-means computes with one thread for each worker; use more --workers in place of --threads"
    if kind == "boosting" and spec.address and spec.oversubscribe and spec.threads > 1:
        return "xgboost.spark takes its threads from the cores that a cluster sets aside; leave --oversubscribe out"
    if kind not in ("clustering", "boosting") and spec.memory_limit is not None:
        return f"spark keeps --memory-limit for rows that it holds itself, which those for {kind} are not; leave it out"
    return too_few_tasks(spec)
