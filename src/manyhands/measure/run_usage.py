"""CPU time and memory of one run: seen from outside by the parent, completed by the reports of the workers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from manyhands.measure.elsewhere import is_outside, with_elsewhere
from manyhands.measure.memory import tree_peak
from manyhands.measure.other_programs import Moment
from manyhands.measure.worker_report import WorkerReport
from manyhands.plan import RunSpec


@dataclass(frozen=True)
class RunUsage:
    """CPU time and memory of the driver's process tree during one run."""

    wall_s: float
    cpu_s: float
    peak_pss_bytes: int | None
    """Highest sample; None when there is no sample."""
    load_1m_before: float
    """The machine's load average of one minute, before the run."""
    samples: Sequence[Sequence[float]]
    """(seconds since the start of the run, CPU seconds since then, PSS in bytes)."""
    ended_by_force: Sequence[str] = ()
    """Names of processes that were still there after the end of the driver."""
    moments: Sequence[Moment] = ()
    """CPU time of the machine and of the tree, at times since the start of the run."""

    def resources(self) -> dict[str, Any]:
        """The field `resources` of a record, as seen from outside the workers."""
        return {
            "cpu_s": self.cpu_s,
            "cpu_percent": 100 * self.cpu_s / self.wall_s,
            "peak_pss_bytes": self.peak_pss_bytes,
            "load_1m_before": self.load_1m_before,
            "samples": self.samples,
        } | ({"ended_by_force": self.ended_by_force} if self.ended_by_force else {})

    def with_workers(self, workers: Sequence[WorkerReport], resolved: Mapping[str, Any], spec: RunSpec) -> dict[str, Any]:
        """`resources` with peaks that no sample caught, and with the use of workers outside the driver's process tree.

        `resolved`: the record's, with the memory that the driver of an estimator run saw.
        """
        inside = [worker for worker in workers if not is_outside(worker, spec)]
        seen = [moment["pss_bytes"] for moment in resolved.get("usage", ())] + [resolved.get("driver_peak_pss_bytes", 0)]
        peak = tree_peak(self.peak_pss_bytes, inside, seen)
        return with_elsewhere(self.resources() | {"peak_pss_bytes": peak}, workers, spec, self.wall_s)
