"""The process of one worker, for engines that have no way of their own to start a script: `serial`, Ray and Dask."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from manyhands.backends.scripts.failure import how_it_ended
from manyhands.backends.scripts.script_run import ScriptRun
from manyhands.errors import EngineError
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

LOOK_S = 1.0
"""Time between two calls of `check` while the process runs."""


def run_worker(run: ScriptRun, environ: Mapping[str, str], check: Callable[[], None] = lambda: None) -> None:
    """Runs the script in a process of its own until it ends; afterwards there is a report of how it ended.

    `environ`: variables added to those of this process. `check` is called about once a second; when it raises, the process is killed.
    """
    process = subprocess.Popen(run.python, stdin=subprocess.DEVNULL, env={**os.environ, **environ})
    descriptor = os.pidfd_open(process.pid)
    try:
        while not select.select([descriptor], [], [], LOOK_S)[0]:
            check()
    except BaseException:
        process.kill()
        raise
    finally:
        os.close(descriptor)
        code = process.wait()
    rank = int(environ.get("RANK", "0"))
    report = run.folder / f"rank-{rank}.json"
    if not report.exists():
        error = None if code else "its process ended with 0 and left no report"
        report.write_text(json.dumps({"rank": rank, "exit_code": code or 1, "error": error, "ended": now()}))


def work(
    values: Mapping[str, Any], folder: str, rank: int, meeting: Mapping[str, str], check: Callable[[], None] = lambda: None
) -> None:
    """Runs one worker's script inside an engine's worker on this machine; raises EngineError when it fails.

    `values`: the spec. `folder`: that of the run. `meeting`: the variables by which the workers find each other.
    """
    spec = RunSpec.from_dict(values)
    run = ScriptRun.read(spec, Path(folder))
    run_worker(run, {**meeting, **place(rank, spec.workers)}, check)
    (report,) = (report for report in run.reports() if report["rank"] == rank)
    if report["exit_code"]:
        raise EngineError(f"{spec.backend} worker {rank} {how_it_ended(report, run.tail)}")


def place(rank: int, workers: int) -> dict[str, str]:
    """The variables that give a worker its place among the workers of this machine, as torchrun sets them."""
    return {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(workers), "LOCAL_WORLD_SIZE": str(workers)}
