"""A fresh process for one or several runs: started clean, watched without disturbing it, and cleared away with all it started."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from manyhands.backends.base import Backend
from manyhands.credentials import put_aside
from manyhands.data.store.location import S3, locate
from manyhands.measure.allocator import ALLOCATOR
from manyhands.measure.memory_layout import addresses_of, variables
from manyhands.measure.phases import now
from manyhands.measure.resources import (
    TreeUsage,
    children_cpu_s,
    end_descendants,
    wait_for_descendants,
    wait_sampling,
)
from manyhands.measure.threads import thread_variables
from manyhands.parent import PARENT, adopt_orphans
from manyhands.plan import RunSpec
from manyhands.plugins import workload_classes
from manyhands.run_log import last_lines, reason_of_abort
from manyhands.shared_memory import remove_semaphores
from manyhands.user_files import is_of_file, is_script
from manyhands.workloads.workload import Workload

RANKS = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR", "MASTER_PORT")
"""Variables of an outer launcher that would change a run."""
TUNING = ("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_", "MALLOC_", "GLIBC_TUNABLES")
"""Prefixes of variables that set threads, cores, limits and the allocator; OMP_PROC_BIND, for example, puts all workers on one core."""


ENGINES = (
    *("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_DIST_CLASSPATH", "SPARK_MASTER", "SPARK_REMOTE", "SPARK_CONNECT"),
    *("PYSPARK_", "RAY_", "DASK_"),
)
"""Prefixes of variables that set up another installation of an engine, or another cluster than the one that is started here."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Never asked through a proxy."""

FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""Signals that another process sends, so that nothing that the run has printed says why."""


@dataclass
class DriverProcess:
    """One driver process from start to end. Times in seconds on this host's clock."""

    folder: Path
    started: float = 0.0
    ended: float = 0.0
    in_time: bool = True
    code: int | None = None
    """Exit code; negative for the signal that killed it; None when it did not end in time."""
    cpu_s: float = 0.0
    """CPU seconds of the process and everything it started."""
    usage: TreeUsage = field(default_factory=TreeUsage)
    left: list[str] = field(default_factory=list)
    """Names of processes that were still there after the driver had ended, and were ended by force."""

    @property
    def log(self) -> Path:
        """File with everything that the process and its workers print."""
        return self.folder / "log"

    def outcome(self, number: int) -> dict[str, Any] | None:
        """The outcome of the driver's run `number`; None when that run has not ended."""
        path = self.folder / f"outcome-{number}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def how_it_ended(self) -> str:
        """Exit code or signal of the process, and the last line that it printed, unless the signal came from outside."""
        lines = last_lines(self.log) if -(self.code or 0) not in FROM_OUTSIDE else []
        killed = self.code is not None and self.code < 0
        how = (
            f"the run's process was killed by signal {-(self.code or 0)}"
            if killed
            else f"the run's process ended with {self.code}"
        )
        return f"{how}: {reason_of_abort(lines) or lines[-1]}" if lines else how


NO_SPACE = os.strerror(errno.ENOSPC)
"""The system's words for a full disk, which Python and most libraries pass on."""
LEAST_FREE_BYTES = 1_000_000
"""A disk with less room than this is full: libraries write files of that size."""


def lost_ground(folder: Path) -> str | None:
    """The reason when a run failed because its folder is gone or its disk full, which libraries report in many ways; None otherwise."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return f"its temporary folder {folder} was removed while it ran; keep programs that clean up away from it, or set TMPDIR"
    if found.f_bavail * found.f_frsize >= LEAST_FREE_BYTES and (found.f_files == 0 or found.f_favail > 0):
        return None
    return full_disk(folder)


def full_disk(folder: Path) -> str:
    """The reason when the disk of a run's folder is full; a process that ends may make room again before it is looked at."""
    return f"no space left on the disk of {folder}; make room, or set TMPDIR to a folder that has some"


def watch(
    driver: DriverProcess,
    specs: Sequence[RunSpec],
    backend: type[Backend],
    deadline: Callable[[], float],
    tick: Callable[[], None],
) -> None:
    """Runs the driver process on `specs` in its folder until all its processes are gone.

    `deadline`: seconds after the start by which the process must have ended; called again whenever that time is reached. `tick` is
    called about once a second until then.
    """
    folder = driver.folder
    (folder / "specs.json").write_text(json.dumps([spec.to_dict() for spec in specs]))
    (folder / "tmp").mkdir()
    adopt_orphans()
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    driver.usage = TreeUsage(frozenset(keep))
    cpu_before = children_cpu_s()
    with driver.log.open("wb") as log:
        driver.started = now()
        with addresses_of(specs[0].memory_layout):
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "manyhands.guard", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=fresh_environment(os.environ, backend, specs[0], folder) | {PARENT: str(os.getpid())},
            )
        try:
            driver.in_time = wait_sampling(process, deadline, driver.usage, tick)
            driver.code = process.wait() if driver.in_time else None
            if driver.in_time:
                wait_for_descendants(keep)
        finally:
            own = {seen.pid for seen in (*driver.usage.seen, *psutil.Process().children(recursive=True))} - keep
            left = end_descendants(keep)
            process.poll()
            remove_semaphores(own)
        driver.ended = now()
        driver.usage.ended(driver.ended - driver.started)
    driver.left = left if driver.in_time else []
    # The second is larger where the kernel collected processes for an engine, and so left them out of the first: Ray's workers.
    driver.cpu_s = max(children_cpu_s() - cpu_before, driver.usage.cpu_s)


def is_ours(backend: type[Backend], spec: RunSpec) -> bool:
    """True when backend and workload are of this package, so that it is known which of their processes open a bucket."""
    workload = workload_classes().get(spec.workload, Workload)  # a user's file is in no list
    users = is_of_file(spec.workload) or is_script(spec.workload)
    return not users and all(part.__module__.startswith("manyhands.") for part in (backend, workload))


def fresh_environment(environ: Mapping[str, str], backend: type[Backend], spec: RunSpec, folder: Path) -> dict[str, str]:
    """The environment of a run: no variable about threads, memory or ranks is inherited; temporary files go to the run's own folder."""
    cleared = TUNING + (ENGINES if spec.address is None else ())
    kept = {name: value for name, value in environ.items() if name not in RANKS and not name.startswith(cleared)}
    if is_ours(backend, spec):
        kept = put_aside(kept, folder, needed=any(place and locate(place).scheme == S3 for place in (spec.data, spec.save)))
    if any(name.lower().endswith("_proxy") for name in kept):
        direct = [name for variable in ("no_proxy", "NO_PROXY") for name in kept.get(variable, "").split(",") if name]
        kept |= dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(dict.fromkeys([*direct, *LOOPBACK])))
    own = {"TMPDIR": str(folder / "tmp"), "PYTHONSAFEPATH": "1", "PYTHONUNBUFFERED": "1"}
    return kept | thread_variables(spec.threads) | ALLOCATOR | variables(spec.memory_layout) | own | backend.environment(spec)
