"""One worker's report about itself: `WorkerReport`, with the same fields for every kind and engine.

Between processes a report travels as a dictionary of plain values (`to_dict`, `from_dict`). A record keeps the fields that the
kind of the run names (`to_record`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Self

from manyhands.machine import clock_name, host_name
from manyhands.measure.memory import own_memory
from manyhands.measure.memory_layout import read_layout
from manyhands.measure.phases import PhaseClock
from manyhands.measure.resources import own_cpu_s
from manyhands.measure.threads import read_threads
from manyhands.record import TRAIN_SPLIT


def _not_split() -> dict[str, float | None]:
    """The split of `train` that was not measured."""
    return {f"{part}_s": None for part in TRAIN_SPLIT}


@dataclass(frozen=True)
class WorkerReport:
    """The work of one worker in a run, and the time and memory that it used. None: not measured, or not known to this engine."""

    host: str
    """Name of the worker's machine."""
    rank: int | None = None
    """From 0; None until the driver has numbered the workers."""
    pid: int | None = None
    """None for a thread of an engine's own process."""
    thread: int | None = None
    """The system's number of the thread, where workers are threads of one process."""
    threads: Mapping[str, int] | None = None
    """Threads that each numeric library uses, read back in the worker."""
    cpu_user_s: float | None = None
    """CPU seconds in user mode, of the run alone."""
    cpu_system_s: float | None = None
    """CPU seconds in the kernel, of the run alone."""
    memory_layout: Mapping[str, bool | None] | None = None
    """`huge_pages` and `fixed_addresses` as the process really has them."""
    peak_rss_bytes: int | None = None
    """Most resident memory during the run."""
    peak_pss_bytes: int | None = None
    """`peak_rss_bytes` without the share of other processes in the current pages."""
    phases: Mapping[str, float | None] = field(default_factory=dict)
    """`load_s`, `warmup_s`, `train_s`, `evaluate_s`, `save_s`: seconds of each phase that the worker went through."""
    train_split: Mapping[str, float | None] = field(default_factory=_not_split)
    """`compute_s`, `communicate_s`, `input_s` and `synchronise_s`: parts of `train_s`."""
    yardstick: Mapping[str, Sequence[float]] | None = None
    """Program -> seconds that it took before the first epoch and after each; None when none was timed."""
    clock: str | None = None
    """The clock of `started` and `ended`; times of two clocks are never subtracted."""
    started: float | None = None
    """Seconds on `clock` at which the launch was over."""
    ended: float | None = None
    """Seconds on `clock` at which the last phase ended."""
    rows_seen: int | None = None
    """Training rows that the worker took, each as often as it took it."""
    rows_sha256: str | None = None
    """Hash of the numbers of these rows, in order."""
    fetch_s: float | None = None
    """Seconds of `load` that fetching from a store took; None when nothing was fetched."""
    bytes_moved: int | None = None
    """Bytes fetched from a store; None when nothing was fetched."""
    requests: int | None = None
    """Requests to a store; None when nothing was fetched."""
    saved_bytes: int | None = None
    """Bytes of the model that this worker saved; None when it saved none."""
    all_reduce: Sequence[Mapping[str, Any]] | None = None
    """For each message size: `elements`, `seconds` of each repetition, and whether every sum was `right`."""
    exit_code: int | None = None
    """Exit code of the worker's process, where the process is a user's script."""
    tasks: int | None = None
    """Independent tasks that the worker ran."""
    busy_s: float | None = None
    """Seconds that these tasks took, one after the other."""

    def timed(self, clock: PhaseClock) -> Self:
        """The report with the phases of `clock`, which is a clock of this host."""
        return replace(self, phases=clock.phases, clock=clock_name(), started=clock.started, ended=clock.ended)

    def to_dict(self) -> dict[str, Any]:
        """All fields as plain values, to be sent to another process."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The report that `to_dict` made; keys that are no fields of a report are left out."""
        return cls(**{own.name: values[own.name] for own in fields(cls) if own.name in values})

    def to_record(self, names: Sequence[str]) -> dict[str, Any]:
        """The named fields in that order, as `Record.per_worker` keeps them."""
        return {name: getattr(self, name) for name in names}


def report_of_this_process(cpu_before_s: tuple[float, float] = (0.0, 0.0)) -> WorkerReport:
    """The report that every worker makes of its own process: host, process number, threads, CPU time and peak memory.

    `cpu_before_s`: user and system seconds that the process had used before the run.
    """
    user_s, system_s = own_cpu_s()
    memory = own_memory()
    return WorkerReport(
        host=host_name(),
        pid=os.getpid(),
        threads=read_threads(),
        memory_layout=read_layout(),
        cpu_user_s=user_s - cpu_before_s[0],
        cpu_system_s=system_s - cpu_before_s[1],
        peak_rss_bytes=memory["peak_rss_bytes"],
        peak_pss_bytes=memory["peak_pss_bytes"],
    )
