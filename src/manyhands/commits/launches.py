"""Launches cells of both sides in turn, and measures the load of other programs during each launch."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import psutil

from manyhands.analysis.verdicts.metrics import Sample, sample
from manyhands.commits.revisions import CannotMeasure, Revision
from manyhands.errors import RecordError
from manyhands.machine import usable_cores
from manyhands.measure.other_programs import Busy, allowed_cores, load_of_variable
from manyhands.plan import RunSpec
from manyhands.record import Record

LAUNCHER = Path(__file__).with_name("launcher.py")
DISTURBED_SHARE = 0.25
"""Share of the launches: a cell gets no verdict when more are disturbed."""


class Side:
    """One revision with a process that launches its cells; end it by leaving the `with` block."""

    def __init__(self, revision: Revision) -> None:
        self.revision = revision
        self._process = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(self.revision.python), str(LAUNCHER)],
            cwd=self.revision.folder,
            env=self.revision.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            process_group=0,  # Ctrl-C reaches the comparison only, which then ends each launcher once
        )

    def revive(self) -> None:
        """Starts the process again when it has died, so that a crash in one cell does not stop the next."""
        if self._process.poll() is not None:
            self._process = self._start()

    def __enter__(self) -> Side:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Closes the input of the launcher; a launcher in the middle of a launch ends the processes that it started."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            _close(pipe)
        if error is not None:
            self._process.terminate()
        try:
            self._process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            for child in psutil.Process(self._process.pid).children(recursive=True):
                child.kill()
            self._process.kill()
            self._process.wait()

    def check(self, spec: RunSpec) -> dict[str, Any]:
        """Kind and quality metric of a cell; raises CannotMeasure when the side cannot run it."""
        return self._ask("check", spec, f"{spec.label} cannot be run by {self.revision.label}")

    def launch(self, spec: RunSpec, quality: str) -> Sample:
        """One launch of a cell; raises CannotMeasure when it failed."""
        before = Busy.now()
        problem = f"{spec.label} failed in {self.revision.label}"
        try:
            record = Record.from_json(json.dumps(self._ask("launch", spec, problem)["record"]))
        except RecordError as error:
            raise CannotMeasure(f"{problem}: its record cannot be read: {error}") from None
        if not record.ok:
            raise CannotMeasure(f"{problem}: {record.reason}")
        others, stolen = Busy.now().others_since(before, float(record.resources.get("cpu_s") or 0.0))
        return sample(record, quality, others, stolen)

    def _ask(self, what: str, spec: RunSpec, problem: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        given = {name: value for name, value in spec.to_dict().items() if value != DEFAULTS.get(name, ...)}
        try:
            self._process.stdin.write(json.dumps({"ask": what, "spec": given}) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise CannotMeasure(f"{problem}: its launcher ended with {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise CannotMeasure(f"{problem}: {answer['error']}")
        return answer


DEFAULTS: Mapping[str, Any] = {
    name: value
    for name, value in RunSpec(workload="none", backend="none").to_dict().items()
    if name not in ("workload", "backend")
}
"""Fields with these values are not sent to a side, so that an older commit need not know them."""


def sides(stack: ExitStack, revisions: Sequence[Revision]) -> list[Side]:
    """A running side for each revision, ended with the stack."""
    return [stack.enter_context(Side(revision)) for revision in revisions]


def disturbance(samples: Sequence[Sample], needed: int, max_load: float | None = None) -> str | None:
    """An error message when the load of other programs was too high to trust the launches; None when it was not.

    `needed`: cores that the cell itself keeps busy. `max_load`: share of the cores that the user allows; None: that of
    MANYHANDS_MAX_LOAD, else what a comparison bears.
    """
    cores, seen = usable_cores(), len(os.sched_getaffinity(0))
    limit = allowed_cores(needed, cores, seen, load_of_variable() if max_load is None else max_load)
    loud = [launch.others for launch in samples if launch.others > limit]
    if len(loud) <= DISTURBED_SHARE * len(samples):
        return None
    return (
        f"other programs used {sum(loud) / len(loud):.1f} of {seen} cores during {len(loud)} of {len(samples)} launches;"
        f" at most {limit:.2g} are allowed: end these programs, compare at a quieter time, or allow more with --max-load"
    )


def _close(pipe: IO[str]) -> None:
    with suppress(BrokenPipeError):
        pipe.close()
