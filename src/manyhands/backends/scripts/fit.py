"""The reports of a script's workers -> one `Fit`: phases, the split of train, quality, and what was and was not proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from manyhands.backends.base import Fit
from manyhands.measure.worker_report import WorkerReport
from manyhands.plan import RunSpec
from manyhands.user_code import of_all_workers

FIELDS = (
    *("rank", "host", "pid", "threads", "exit_code", "phases", "train_split", "cpu_user_s", "cpu_system_s"),
    *("peak_rss_bytes", "peak_pss_bytes"),
)
"""Fields of a worker that a record keeps."""
NOT_PROVED = ("rows", "initial weights", "order of rows")
EARLY_SHARE, EARLY_S = 0.5, 1.0
"""A worker that ended in less than this share of the time of the longest, and by so many seconds, did not work as the others."""


def script_fit(reports: Sequence[Mapping[str, Any]], spec: RunSpec, job: Mapping[str, Any]) -> Fit:
    """The run's result from the reports in order of rank; raises EngineError when the workers ran different code."""
    code = of_all_workers((report["code"] for report in reports), spec.backend)
    workers = [worker_report(report) for report in reports]
    slowest = timed_worker(workers)
    marks = reports[slowest]["marks"] or {}
    marked = [report["marks"] for report in reports if report["marks"]]
    return Fit(
        workers=workers,
        worker_fields=FIELDS,
        resolved={
            "proof": {"door": "script", "proved": [], "not_proved": list(NOT_PROVED)},
            "strategy": "DistributedDataParallel" if any(report["wrapped"] for report in reports) else "none",
            "device": spec.device,
            "world_size": spec.workers,
            "arguments": list(job["arguments"]),
            "folder": job["folder"],
            "process_group": all(report["grouped"] for report in reports),
            "launch_until": "process group" if reports[slowest]["grouped"] else "first line",
            "phases_of_worker": slowest,
            "marks": bool(marks.get("phases")),
        }
        | {name: marks[name] for name in ("steps", "warmup_steps") if name in marks}
        | ({"cautions": early} if (early := left_early(workers, spec)) else {}),
        quality=next((one["quality"] for one in marked if one["quality"]), {}),
        history=next((one["history"] for one in marked if one["history"]), []),
        data={},
        code=code,
    )


def worker_report(report: Mapping[str, Any]) -> WorkerReport:
    """The report of one worker. Without marks, all of the script after the launch is `train`."""
    marks = report["marks"] or {}
    span = float(report["ended"]) - float(report["started"])
    phases = marks.get("phases") or {"train": span}
    compute = input_s = None
    waited = report["waited_s"]
    if marks.get("phases"):
        waited = None if waited is None else marks["communicate_s"]
        input_s = marks["input_s"] if "train" in phases else None
        compute = phases["train"] - input_s - (waited or 0.0) if input_s is not None and report["on_cpu"] else None
    named = {name: report[name] for name in ("rank", "host", "pid", "threads", "clock", "started", "ended", "exit_code")}
    used = {name: report[name] for name in ("cpu_user_s", "cpu_system_s", "peak_rss_bytes", "peak_pss_bytes")}
    return WorkerReport(
        **named,
        **used,
        phases={f"{phase}_s": seconds for phase, seconds in phases.items()},
        train_split={"compute_s": compute, "communicate_s": waited, "input_s": input_s},
    )


def left_early(workers: Sequence[WorkerReport], spec: RunSpec) -> list[str]:
    """A caution for each worker that ended well and long before another one, as after `sys.exit(0)` in one rank only."""
    spans = {worker.rank: float(worker.ended or 0.0) - float(worker.started or 0.0) for worker in workers}
    longest = max(spans.values())
    early = {rank: span for rank, span in spans.items() if span < min(EARLY_SHARE * longest, longest - EARLY_S)}
    cell = f"{spec.backend} x {spec.workers}"
    return [
        f"unequal work: worker {rank} of {cell} ended after {span:.1f} s, another one after {longest:.1f} s"
        for rank, span in early.items()
    ]


def timed_worker(workers: Sequence[WorkerReport]) -> int:
    """The place of the worker whose phases are those of the run: the last to end, or on several hosts the one with the longest phases.

    Workers of a script have no barrier between phases, so phases of different workers do not add up.
    """
    one_clock = len({worker.clock for worker in workers}) == 1

    def lasted(place: int) -> float:
        worker = workers[place]
        return float(worker.ended or 0.0) if one_clock else sum(seconds or 0.0 for seconds in worker.phases.values())

    return max(range(len(workers)), key=lasted)
