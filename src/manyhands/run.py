"""One spec -> one record, in a fresh process that this parent starts, watches without disturbing it, and clears away."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from manyhands.backends.base import kinds
from manyhands.backends.ranks.base import RankBackend
from manyhands.backends.scripts.failure import ended_early
from manyhands.backends.sync.by_name import strategy
from manyhands.data.store.location import locate
from manyhands.data.store.opening import require_reader
from manyhands.errors import ManyhandsError, Unavailable
from manyhands.machine import clock_name, describe_code, describe_machine, few_open_files, host_name, installed_versions
from manyhands.measure.alone import alone
from manyhands.measure.ended import read_note
from manyhands.measure.other_programs import allowed_beside, other_programs
from manyhands.measure.phases import combine, slowest_split
from manyhands.measure.run_usage import RunUsage
from manyhands.measure.worker_report import WorkerReport
from manyhands.notices import Notices
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, workload_class
from manyhands.process import FROM_OUTSIDE, NO_SPACE, DriverProcess, full_disk, lost_ground, watch
from manyhands.record import EVERY_STEP, Record
from manyhands.run_log import ends_of, outputs, shorten
from manyhands.temporary import temporary_folder
from manyhands.user_code import code_of
from manyhands.watcher import SILENT, Watcher
from manyhands.workloads.kinds.script import refused_options

FOR_NETWORKS = ("data", "shard_data", "save")
"""Options of a spec that only the epoch loop carries out, and no estimator."""


def _at_once(spec: RunSpec) -> None:
    pass


def no_study(spec: RunSpec) -> Mapping[str, Any]:
    """The study of a run that belongs to none."""
    return {}


@dataclass(frozen=True)
class RunContext:
    """Values that all records of one invocation share, and the watcher to call while a run is on."""

    plan_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    order_seed: int = 0
    log_folder: Path | None = None
    """Folder that keeps the output of failed runs; None drops the output."""
    machine: Mapping[str, Any] = field(default_factory=describe_machine)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    code: Mapping[str, Any] = field(default_factory=describe_code)
    study: Callable[[RunSpec], Mapping[str, Any]] = no_study
    """The record's field `study` for a spec."""
    watcher: Watcher = SILENT
    max_load: float | None = None
    """Share of the cores that other programs may use; None: what a run leaves free, see `measure.other_programs`."""
    why: str = ""
    """The reason why the runs are made, for the record's field `plan`; empty without a plan."""
    gather: Callable[[RunSpec], None] = _at_once
    """Called before a run starts, to wait for the other nodes of its plan; raises ManyhandsError when the run cannot be made."""

    def ticker(self, log: Path) -> Callable[[], None]:
        """The function to call about once a second while a run writes to `log`."""
        notices = Notices(log, self.watcher.says)

        def tick() -> None:
            self.watcher.tick()
            notices.look()
            for path in outputs(log.parent):
                shorten(path)

        return tick

    def record(self, spec: RunSpec, started: datetime, position: int, measured: Mapping[str, Any]) -> Record:
        """A record of `spec`: everything that is known without running it, and `measured`."""
        measured = dict(measured)
        if "resolved" in measured and _is_here(spec) and spec.workers // spec.nodes * spec.threads > self.machine["cores"]:
            measured["resolved"] = measured["resolved"] | {"oversubscribed": True}
        return Record(
            id=uuid.uuid4().hex[:12],
            spec=spec.to_dict(),
            started_at=started.isoformat(timespec="milliseconds"),
            machine=self.machine,
            versions=self.versions,
            code=code_of(spec, self.code, measured.pop("code", {})),
            plan={"id": self.plan_id, "position": position, "order_seed": self.order_seed}
            | ({"why": self.why} if self.why else {}),
            command=spec.command(self.max_load),
            study=self.study(spec),
            **measured,
        )


Surroundings = RunContext
"""The old name: `manyhands compare` runs other commits, and those import it from here."""


def _is_here(spec: RunSpec) -> bool:
    """True when workers run on this machine, and not in a cluster that runs already."""
    return spec.address is None or spec.nodes > 1


def refusal(spec: RunSpec) -> str | None:
    """Reason why the cell is not run here: not offered, impossible, or something is not installed; None when it can run."""
    backend, workload = backend_class(spec.backend), workload_class(spec.workload)
    if workload.kind not in kinds(backend):
        why = f": {backend.lacks[workload.kind]}" if workload.kind in backend.lacks else ""
        return f"{spec.backend} offers no {workload.kind} workloads{why}"
    if spec.workers < workload.fewest_workers:
        return f"{spec.workload} needs {workload.fewest_workers} workers or more, has {spec.workers}; use --workers {workload.fewest_workers}"
    try:
        workload.require()
        backend.require()
        for place in (spec.data, spec.save):
            if place:
                require_reader(locate(place), spec.reader)
    except Unavailable as error:
        return str(error)
    if spec.prepare not in backend.prepares:
        return f"{spec.backend} offers no --windows-by {spec.prepare}"
    if spec.memory_limit is not None and not backend.limits_memory:
        return f"{spec.backend} sets its workers no memory limit; leave --memory-limit out, or use a backend that does"
    if not workload.in_epochs and set(spec.yardstick) - {"none"}:
        return f"--yardstick is timed between the epochs of networks, and {workload.kind} has none; leave it out"
    if workload.kind == "script" and (reason := refused_options(spec)):
        return reason
    if spec.sync != EVERY_STEP and (reason := refused_strategy(spec)):
        return reason
    if spec.target is not None and not workload.in_epochs:
        return f"--target is the score of an epoch of a network, and {workload.kind} has none; leave it out"
    if workload.kind != "function" and spec.loader_workers is not None:
        return (
            f"--loader-workers is for a function with a DataLoader, path/to/file.py:build, not for {workload.kind}; leave it out"
        )
    if not workload.in_epochs and not spec.counts_epochs:
        return f"--steps and --max-seconds are for networks and functions, not for {workload.kind}; leave them out"
    if workload.kind != "network" and (asked := [name for name in FOR_NETWORKS if getattr(spec, name)]):
        options = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        return (
            f"{options} is for networks, not for {workload.kind}; 'manyhands data get' fetches a bucket into a folder for --data"
        )
    return backend.refuse(spec)


def refused_strategy(spec: RunSpec) -> str | None:
    """The reason why the workers of a cell cannot agree on their weights by its strategy; None when they can."""
    kind = workload_class(spec.workload).kind
    if not workload_class(spec.workload).in_epochs:
        return f"--sync {spec.sync} is for networks, not for {kind}; leave it out"
    if not issubclass(backend_class(spec.backend), RankBackend):
        return f"--sync {spec.sync} needs workers that form a process group, and those of {spec.backend} form none; leave it out"
    if spec.workers == 1:
        return f"--sync {spec.sync} is for several workers; use --workers 2"
    return strategy(spec.sync).refuse(spec)


def skip(spec: RunSpec, reason: str, context: RunContext) -> Record:
    """The record of a cell that is not run."""
    return context.record(spec, datetime.now(UTC), -1, {"status": "skipped", "reason": reason})


def measure(spec: RunSpec, context: RunContext, position: int = 0) -> Record:
    """Runs `spec` once in a fresh process and returns its record; a run that fails is a record too."""
    if reason := refusal(spec):
        return skip(spec, reason, context)
    with own_folder(spec, context) as folder:
        try:
            context.gather(spec)
        except ManyhandsError as error:
            return context.record(spec, datetime.now(UTC), position, {"status": "failed", "reason": str(error)})
        started, load = datetime.now(UTC), os.getloadavg()[0]
        driver = driven(spec, folder, context)
        usage = RunUsage(
            wall_s=driver.ended - driver.started,
            cpu_s=driver.cpu_s,
            peak_pss_bytes=driver.usage.peak_pss_bytes,
            load_1m_before=load,
            samples=driver.usage.samples,
            ended_by_force=driver.left,
            moments=driver.usage.moments,
        )
        outcome = driver.outcome(0)
        if outcome and "fit" in outcome and driver.code == 0:
            measured = result(outcome, usage, spec, driver.started, driver.ended, context.max_load)
        else:
            beside = other_programs(usage.moments, {}, usage.wall_s, spec, allowed_beside(spec, context.max_load))
            resources = usage.resources() | {"other_programs": beside}
            measured = {"wall_s": usage.wall_s, "resources": resources} | failure(outcome, driver, spec, context)
        return context.record(spec, started, position, measured)


def help_with(spec: RunSpec, context: RunContext) -> str | None:
    """Makes this node's part of a run whose record node 0 has; returns the reason when it failed here, None when all went well."""
    if reason := refusal(spec):
        return reason
    with own_folder(spec, context) as folder:
        driver = driven(spec, folder, context)
        outcome = driver.outcome(0)
        if outcome and "helped" in outcome and driver.code == 0:
            return None
        return str(failure(outcome, driver, spec, context)["reason"])


def driven(spec: RunSpec, folder: Path, context: RunContext) -> DriverProcess:
    """The driver process of one run, after it has ended."""
    driver = DriverProcess(folder)
    watch(driver, [spec], backend_class(spec.backend), lambda: spec.timeout_s, context.ticker(driver.log))
    return driver


@contextmanager
def own_folder(spec: RunSpec, context: RunContext) -> Iterator[Path]:
    """A temporary folder for one process, while no other measured run is on this machine; removed afterwards.

    With several nodes only node 0 takes the machine's lock, so that no two plans can wait for each other.
    """
    with ExitStack() as stack:
        if spec.node_rank == 0:
            stack.enter_context(alone(context.watcher.waits))
        yield stack.enter_context(temporary_folder())


def workers_of(outcome: Mapping[str, Any]) -> list[WorkerReport]:
    """The reports of all workers in a driver's outcome."""
    return [WorkerReport.from_dict(values) for values in outcome["fit"]["workers"]]


def result(
    outcome: Mapping[str, Any], usage: RunUsage, spec: RunSpec, started: float, ended: float, max_load: float | None
) -> dict[str, Any]:
    """The measured fields of a record, from a driver's outcome, the usage seen from outside, and the run's own span."""
    fit = {name: value for name, value in outcome["fit"].items() if name not in ("workers", "worker_fields")}
    workers = workers_of(outcome)
    phases = combine(timed_workers(workers, fit["resolved"]), clock_name(), started, outcome["received"], ended)
    here = sum(worker.host == host_name() for worker in workers)
    beside = other_programs(usage.moments, phases, usage.wall_s, spec, allowed_beside(spec, max_load), here)
    return fit | {
        "status": "ok",
        "wall_s": usage.wall_s,
        "resources": usage.with_workers(workers, fit["resolved"], spec) | {"other_programs": beside},
        "phases": phases,
        "train_split": slowest_split(workers),
        "per_worker": [worker.to_record(outcome["fit"]["worker_fields"]) for worker in workers],
    }


def timed_workers(workers: Sequence[WorkerReport], resolved: Mapping[str, Any]) -> Sequence[WorkerReport]:
    """The workers whose phases make those of the run: all, or the one that `resolved` names, where no barrier is between phases."""
    one = resolved.get("phases_of_worker")
    return workers if one is None else [workers[one]]


def failure(outcome: Mapping[str, Any] | None, driver: DriverProcess, spec: RunSpec, context: RunContext) -> dict[str, Any]:
    """Status and reason of a run that gave no result."""
    if outcome and outcome.get("error") == "Unavailable":
        return {"status": "skipped", "reason": outcome["reason"]}
    if not driver.in_time:
        reason = (
            f"not finished after the {spec.timeout_s:g} s of --timeout; all its processes were ended{ended_early(driver.folder)}"
        )
    elif lost := lost_ground(driver.folder):
        reason = lost
    elif driver.code is not None and -driver.code in FROM_OUTSIDE:
        reason = driver.how_it_ended()
    elif note := read_note(driver.folder / "engine"):
        reason = note
    else:
        logged = backend_class(spec.backend).end_in_logs(driver.folder / "engine")
        reason = outcome["reason"] if outcome and "reason" in outcome else logged or driver.how_it_ended()
        if NO_SPACE in reason and not (outcome and outcome.get("error") == "DataError"):  # that one names its own file
            reason = full_disk(driver.folder)
        reason = "; ".join(filter(None, [reason, few_open_files()]))
    return {"status": "failed", "reason": _with_log(reason, driver, context)}


def _with_log(reason: str, driver: DriverProcess, context: RunContext) -> str:
    """The reason, and the path of the file that keeps the run's output, of a long one its beginning and end."""
    if context.log_folder is None or not driver.log.exists():
        return reason
    context.log_folder.mkdir(parents=True, exist_ok=True)
    kept = context.log_folder / f"{uuid.uuid4().hex[:12]}.log"
    kept.write_bytes(b"".join(map(ends_of, outputs(driver.folder))))
    return f"{reason} (its output: {kept})"
