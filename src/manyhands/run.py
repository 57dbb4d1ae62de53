"""One spec -> one record, in a fresh process that this parent starts, watches without disturbing, and clears away."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from manyhands.backends.base import Backend, kinds
from manyhands.errors import Unavailable
from manyhands.machine import describe_code, describe_machine, installed_versions
from manyhands.measure.alone import alone
from manyhands.measure.phases import combine, now, slowest_split
from manyhands.measure.resources import TreeUsage, adopt_orphans, children_cpu_s, end_descendants, wait_sampling
from manyhands.measure.threads import VARIABLES, thread_variables
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, workload_class
from manyhands.record import Record

INHERITED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT", "KMP_AFFINITY")
"""Variables of an outer launcher or thread library that would reach into a run."""
PREFIX = "manyhands-"


@dataclass(frozen=True)
class Surroundings:
    """What all records of one invocation share."""

    plan_id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    order_seed: int = 0
    log_folder: Path | None = None
    """Where the output of failed runs is kept; None drops it."""
    machine: Mapping[str, Any] = field(default_factory=describe_machine)
    versions: Mapping[str, str] = field(default_factory=installed_versions)
    code: Mapping[str, Any] = field(default_factory=describe_code)

    def record(self, spec: RunSpec, started: datetime, position: int, **measured: Any) -> Record:
        """A record of `spec` with everything that is known without running it."""
        return Record(
            id=uuid.uuid4().hex[:12],
            spec=spec.to_dict(),
            started_at=started.isoformat(timespec="milliseconds"),
            machine=self.machine,
            versions=self.versions,
            code=self.code,
            plan={"id": self.plan_id, "position": position, "order_seed": self.order_seed},
            command=spec.command(),
            **measured,
        )


def refusal(spec: RunSpec) -> str | None:
    """Why the cell is not run here, in words: not offered, impossible, or something is not installed; None when it can run."""
    backend, workload = backend_class(spec.backend), workload_class(spec.workload)
    if workload.kind not in kinds(backend):
        return f"{spec.backend} offers no {workload.kind} workloads"
    try:
        workload.require()
        backend.require()
    except Unavailable as error:
        return str(error)
    return backend.refuse(spec)


def skip(spec: RunSpec, reason: str, surroundings: Surroundings) -> Record:
    """The record of a cell that is not run."""
    return surroundings.record(spec, datetime.now(UTC), -1, status="skipped", reason=reason)


def measure(
    spec: RunSpec,
    surroundings: Surroundings,
    position: int = 0,
    tick: Callable[[], None] = lambda: None,
    waiting: Callable[[], None] = lambda: None,
) -> Record:
    """Runs `spec` once and returns its record, whatever happens inside. `tick` is called about once a second meanwhile.

    `waiting` is called when another measured run on this machine has to end first.
    """
    if reason := refusal(spec):
        return skip(spec, reason, surroundings)
    with ExitStack() as stack:
        if spec.nodes == 1:
            stack.enter_context(alone(waiting))
        folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        started = datetime.now(UTC)
        return surroundings.record(spec, started, position, **_launch(spec, folder, surroundings, tick))


def _launch(spec: RunSpec, folder: Path, surroundings: Surroundings, tick: Callable[[], None]) -> dict[str, Any]:
    (folder / "spec.json").write_text(json.dumps(spec.to_dict()))
    (folder / "tmp").mkdir()
    adopt_orphans()
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    usage, cpu_before, load = TreeUsage(), children_cpu_s(), os.getloadavg()[0]
    with (folder / "log").open("wb") as log:
        started = now()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "manyhands.driver", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=fresh_environment(os.environ, backend_class(spec.backend), spec, folder),
        )
        in_time = True
        try:
            in_time = wait_sampling(process, spec.timeout_s, usage, tick)
            code = process.wait() if in_time else None
        finally:
            left = end_descendants(keep)
            process.poll()
        ended = now()
    wall_s = ended - started
    cpu_s = children_cpu_s() - cpu_before
    resources = {
        "cpu_s": cpu_s,
        "cpu_percent": 100 * cpu_s / wall_s,
        "peak_pss_bytes": usage.peak_pss_bytes,
        "load_1m_before": load,
        "samples": usage.samples,
    }
    if in_time and left:
        resources["ended_by_force"] = left
    measured: dict[str, Any] = {"wall_s": wall_s, "resources": resources}
    outcome = _read_outcome(folder)
    if in_time and code == 0 and "fit" in outcome:
        return measured | _result(outcome, started, ended) | {"status": "ok"}
    if outcome.get("error") == "Unavailable":
        return measured | {"status": "skipped", "reason": outcome["reason"]}
    reason = outcome.get("reason") if in_time else f"not finished after the {spec.timeout_s:g} s of --timeout; all its processes were ended"
    return measured | {"status": "failed", "reason": _with_log(reason or _last_words(folder, code), folder, surroundings)}


def fresh_environment(environ: Mapping[str, str], backend: type[Backend], spec: RunSpec, folder: Path) -> dict[str, str]:
    """The environment of a run: nothing about threads or ranks is inherited, temporary files go to the run's own folder."""
    kept = {name: value for name, value in environ.items() if name not in (*INHERITED, *VARIABLES)}
    own = {"TMPDIR": str(folder / "tmp"), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    return kept | thread_variables(spec.threads) | own | backend.environment(spec)


def _result(outcome: Mapping[str, Any], started: float, ended: float) -> dict[str, Any]:
    fit = outcome["fit"]
    workers = fit.pop("workers")
    return fit | {
        "phases": combine(workers, socket.gethostname(), started, outcome["received"], ended),
        "train_split": slowest_split(workers),
        "per_worker": [{name: value for name, value in worker.items() if name not in ("started", "ended")} for worker in workers],
    }


def _read_outcome(folder: Path) -> dict[str, Any]:
    path = folder / "outcome.json"
    return dict(json.loads(path.read_text())) if path.exists() else {}


def _last_words(folder: Path, code: int | None) -> str:
    lines = (folder / "log").read_text(errors="replace").strip().splitlines()
    how = f"the run's process was killed by signal {-code}" if code is not None and code < 0 else f"the run's process ended with {code}"
    return f"{how}: {lines[-1].strip()}" if lines else how


def _with_log(reason: str, folder: Path, surroundings: Surroundings) -> str:
    """The reason, and where the run's whole output is kept."""
    if surroundings.log_folder is None:
        return reason
    surroundings.log_folder.mkdir(parents=True, exist_ok=True)
    kept = surroundings.log_folder / f"{uuid.uuid4().hex[:12]}.log"
    shutil.copy(folder / "log", kept)
    return f"{reason} (its output: {kept})"


def sweep_leftovers() -> None:
    """Removes the temporary folders of runs whose parent was killed before it could."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        owner = folder.name.removeprefix(PREFIX).partition("-")[0]
        if owner.isdigit() and not psutil.pid_exists(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
