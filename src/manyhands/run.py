"""One spec -> one record, in a fresh process that this parent starts, watches without disturbing, and clears away."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from manyhands.backends.base import kinds
from manyhands.data.store.location import locate
from manyhands.data.store.opening import require_reader
from manyhands.errors import ManyhandsError, Unavailable
from manyhands.machine import clock_name, describe_code, describe_machine, installed_versions
from manyhands.measure.alone import alone
from manyhands.measure.elsewhere import is_outside, with_elsewhere
from manyhands.measure.memory import tree_peak
from manyhands.measure.phases import combine, slowest_split
from manyhands.notices import Notices
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, workload_class
from manyhands.process import Watched, watch
from manyhands.record import Record
from manyhands.temporary import temporary_folder

OF_THE_CLOCK = ("clock", "started", "ended")
"""Parts of a worker's report that mean nothing once the run is over."""
FOR_NETWORKS = ("data", "shard_data", "save")
"""Parts of a spec that the epoch loop carries out, and no estimator does."""


def _nothing(*_: object) -> None:
    pass


def no_study(spec: RunSpec) -> Mapping[str, Any]:
    """For a run that is part of none."""
    return {}


@dataclass(frozen=True)
class Surroundings:
    """What all records of one invocation share, and whom to tell how it goes."""

    plan_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    order_seed: int = 0
    log_folder: Path | None = None
    """Where the output of failed runs is kept; None drops it."""
    machine: Mapping[str, Any] = field(default_factory=describe_machine)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    code: Mapping[str, Any] = field(default_factory=describe_code)
    study: Callable[[RunSpec], Mapping[str, Any]] = no_study
    """What a record says about the study that its run is part of."""
    tick: Callable[[], None] = _nothing
    """Called about once a second while a run is on."""
    waiting: Callable[[], None] = _nothing
    """Called when another measured run on this machine has to end first."""
    notice: Callable[[str], None] = _nothing
    """Called with each line that a run wants shown while it is on."""
    gather: Callable[[RunSpec], None] = _nothing
    """Called before a run is started, to wait for the other nodes of its plan; raises ManyhandsError when it cannot be made."""

    def ticker(self, log: Path) -> Callable[[], None]:
        """What to call about once a second while a run writes to `log`."""
        notices = Notices(log, self.notice)

        def tick() -> None:
            self.tick()
            notices.look()

        return tick

    def record(self, spec: RunSpec, started: datetime, position: int, measured: Mapping[str, Any]) -> Record:
        """A record of `spec` with everything that is known without running it, and what was measured."""
        measured = dict(measured)
        if "resolved" in measured and _is_here(spec) and spec.workers // spec.nodes * spec.threads > self.machine["cores"]:
            measured["resolved"] = measured["resolved"] | {"oversubscribed": True}
        return Record(
            id=uuid.uuid4().hex[:12],
            spec=spec.to_dict(),
            started_at=started.isoformat(timespec="milliseconds"),
            machine=self.machine,
            versions=self.versions,
            code=self.code,
            plan={"id": self.plan_id, "position": position, "order_seed": self.order_seed},
            command=spec.command(),
            study=self.study(spec),
            **measured,
        )


def _is_here(spec: RunSpec) -> bool:
    """Whether workers run on this machine, and not in an engine that runs already."""
    return spec.address is None or spec.nodes > 1


def refusal(spec: RunSpec) -> str | None:
    """Why the cell is not run here, in words: not offered, impossible, or something is not installed; None when it can run."""
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
    if workload.kind != "network" and (asked := [name for name in FOR_NETWORKS if getattr(spec, name)]):
        options = " and ".join(f"--{name.replace('_', '-')}" for name in asked)
        return (
            f"{options} is for networks, not for {workload.kind}; 'manyhands data get' fetches a bucket into a folder for --data"
        )
    return backend.refuse(spec)


def skip(spec: RunSpec, reason: str, surroundings: Surroundings) -> Record:
    """The record of a cell that is not run."""
    return surroundings.record(spec, datetime.now(UTC), -1, {"status": "skipped", "reason": reason})


def measure(spec: RunSpec, surroundings: Surroundings, position: int = 0) -> Record:
    """Runs `spec` once in a fresh process and returns its record, whatever happens inside."""
    if reason := refusal(spec):
        return skip(spec, reason, surroundings)
    with own_folder(spec, surroundings) as folder:
        try:
            surroundings.gather(spec)
        except ManyhandsError as error:
            return surroundings.record(spec, datetime.now(UTC), position, {"status": "failed", "reason": str(error)})
        started, load = datetime.now(UTC), os.getloadavg()[0]
        watched = Watched(folder)
        watch(watched, [spec], backend_class(spec.backend), lambda: spec.timeout_s, surroundings.ticker(watched.log))
        wall_s = watched.ended - watched.started
        resources = {
            "cpu_s": watched.cpu_s,
            "cpu_percent": 100 * watched.cpu_s / wall_s,
            "peak_pss_bytes": watched.usage.peak_pss_bytes,
            "load_1m_before": load,
            "samples": watched.usage.samples,
        } | ({"ended_by_force": watched.left} if watched.left else {})
        measured: dict[str, Any] = {"wall_s": wall_s, "resources": resources}
        outcome = watched.outcome(0)
        if outcome and "fit" in outcome and watched.code == 0:
            measured |= result(outcome, watched.started, watched.ended)
            measured["resources"] = account(resources, measured, spec, wall_s)
        else:
            measured |= failure(outcome, watched, spec, surroundings)
        return surroundings.record(spec, started, position, measured)


@contextmanager
def own_folder(spec: RunSpec, surroundings: Surroundings) -> Iterator[Path]:
    """A temporary folder for one process, with the machine to itself; gone afterwards.

    Of several nodes only node 0 asks for its machine, so that no two plans can wait for each other.
    """
    with ExitStack() as stack:
        if spec.node_rank == 0:
            stack.enter_context(alone(surroundings.waiting))
        yield stack.enter_context(temporary_folder())


def account(resources: Mapping[str, Any], measured: Mapping[str, Any], spec: RunSpec, wall_s: float) -> dict[str, Any]:
    """`resources` as they were seen from outside, with what the workers say of themselves."""
    workers = measured["per_worker"]
    own = [worker for worker in workers if not is_outside(worker, spec)]
    resolved = measured["resolved"]
    seen = [moment["pss_bytes"] for moment in resolved.get("usage", ())] + [resolved.get("driver_peak_pss_bytes", 0)]
    peak = tree_peak(resources["peak_pss_bytes"], own, seen)
    return with_elsewhere(dict(resources) | {"peak_pss_bytes": peak}, workers, spec, wall_s)


def result(outcome: Mapping[str, Any], started: float, ended: float) -> dict[str, Any]:
    """The measured fields of a record from a driver's outcome and the run's own span."""
    fit = dict(outcome["fit"])
    workers = fit.pop("workers")
    return fit | {
        "status": "ok",
        "phases": combine(workers, clock_name(), started, outcome["received"], ended),
        "train_split": slowest_split(workers),
        "per_worker": [{name: value for name, value in worker.items() if name not in OF_THE_CLOCK} for worker in workers],
    }


def failure(outcome: Mapping[str, Any] | None, watched: Watched, spec: RunSpec, surroundings: Surroundings) -> dict[str, Any]:
    """Status and reason of a run that gave no result."""
    if outcome and outcome.get("error") == "Unavailable":
        return {"status": "skipped", "reason": outcome["reason"]}
    if not watched.in_time:
        reason = f"not finished after the {spec.timeout_s:g} s of --timeout; all its processes were ended"
    else:
        reason = outcome["reason"] if outcome and "reason" in outcome else watched.last_words()
    return {"status": "failed", "reason": _with_log(reason, watched, surroundings)}


def _with_log(reason: str, watched: Watched, surroundings: Surroundings) -> str:
    """The reason, and where the run's whole output is kept."""
    if surroundings.log_folder is None:
        return reason
    surroundings.log_folder.mkdir(parents=True, exist_ok=True)
    kept = surroundings.log_folder / f"{uuid.uuid4().hex[:12]}.log"
    shutil.copy(watched.log, kept)
    return f"{reason} (its output: {kept})"
