"""Refusal of an ensemble or a search with more workers than tasks, on any engine."""

from __future__ import annotations

from typing import Any

from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.workloads.by_name import workload_class


def too_few_tasks(spec: RunSpec) -> str | None:
    """Reason why some workers of `spec` would have nothing to do; None when there is a task for each worker."""
    settings: dict[str, Any] = dict(spec.settings)
    try:
        workload = workload_class(spec.workload).from_settings(settings)
    except UsageError as error:
        return str(error)
    fits = getattr(workload, "fits", None)
    if fits is None or fits >= spec.workers:
        return None
    return f"{fits} member{'s' if fits > 1 else ''} cannot keep {spec.workers} workers busy; use more --set members= or fewer --workers"
