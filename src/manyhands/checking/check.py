"""A user's training -> its findings: two steps on `serial` and on `ddp` with two workers, and a look at it in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from manyhands.checking.facts import Facts
from manyhands.checking.findings import Finding, Level, Seen, failed, findings
from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.planning.cells import cell
from manyhands.planning.request import Request
from manyhands.plugins import workload_class
from manyhands.record import Record
from manyhands.run import RunContext, measure
from manyhands.temporary import temporary_folder
from manyhands.user_files import absolute

STEPS = 2
LOGS = Path("results") / "check-logs"
"""Folder for the output of a run that failed."""
LOOK_S = 300.0
"""Longest time of the look at a training."""


@dataclass(frozen=True)
class Checked:
    """The result of a check."""

    findings: list[Finding]
    """The worst first."""
    losses: tuple[float, float] | None = None
    """The mean loss of the steps on one worker and on two; None when a run failed."""

    @property
    def fair(self) -> bool:
        """True when the training works and compares fairly."""
        return all(one.level == Level.NOTE for one in self.findings)


def check_training(request: Request, say: Callable[[str], None]) -> Checked:
    """The findings about the one workload of a request, under its options. `say` is called with lines of progress.

    Raises UsageError for a workload that cannot be checked, and Unavailable when a library is missing.
    """
    name = absolute(request.workloads[0])
    workload = workload_class(name)
    if workload.kind not in ("function", "network"):
        raise UsageError(
            f"{request.workloads[0]} is of kind {workload.kind}, and check looks into a function path/to/mine.py:build or a network;"
            " 'manyhands run' measures all kinds"
        )
    workload.require()
    context = RunContext(log_folder=LOGS)

    def run(backend: str, workers: int) -> Record:
        spec = cell(request, name, backend, workers)
        say(f"{spec.label}: {STEPS} steps")
        return measure(spec, context)

    one = run("serial", 1)
    if not one.ok:
        return Checked([failed(one)])
    two = run("ddp", 2)
    if not two.ok:
        return Checked([failed(two)])
    seen = Seen(look_at(RunSpec.from_dict(one.spec)), one, two)
    return Checked(findings(seen), seen.losses)


def look_at(spec: RunSpec) -> Facts:
    """The facts that a process of its own sees of the training of a spec; raises UsageError when that process ends badly."""
    with temporary_folder() as folder:
        out = folder / "facts.json"
        command = [sys.executable, "-P", "-m", "manyhands.checking.look", json.dumps(spec.to_dict()), str(out)]
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=LOOK_S)
        except subprocess.TimeoutExpired:
            raise UsageError(f"{spec.workload} was not built within {LOOK_S:g} s in the process that looks at it") from None
        if not out.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise UsageError(f"{spec.workload} ended the process that looks at it with {done.returncode}: {last}")
        return Facts.from_dict(json.loads(out.read_text()))
