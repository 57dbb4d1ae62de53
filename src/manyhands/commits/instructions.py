"""Compares pure code by its number of executed instructions, counted by valgrind: equal on a busy and on a quiet machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from manyhands.analysis.verdicts.metrics import EXACT
from manyhands.analysis.verdicts.results import CellResult, Judged, failed
from manyhands.analysis.verdicts.sequential import Judgement, Verdict
from manyhands.analysis.verdicts.steady import Steady
from manyhands.commits.revisions import CannotMeasure, Revision
from manyhands.parent import end_with_parent

SUITE = Path("benchmarks/counted.py")
CALLS = (2, 7)
"""Calls in a short and in a long run: their difference is the cost of the calls alone, without the start of Python."""
COUNT_S = 900.0


def compare_instructions(revisions: tuple[Revision, Revision], say: Callable[[str], None]) -> tuple[CellResult, ...]:
    """Every function of the suite that either side has; raises CannotMeasure without valgrind or without a suite."""
    if shutil.which("valgrind") is None:
        raise CannotMeasure("counting instructions needs valgrind: apt install valgrind")
    known = [_names(revision) for revision in revisions]
    return tuple(_counted(name, revisions, known, say) for name in dict.fromkeys([*known[0], *known[1]]))


def _counted(
    name: str, revisions: tuple[Revision, Revision], known: Sequence[Sequence[str]], say: Callable[[str], None]
) -> CellResult:
    label = f"{name} ({SUITE})"
    try:
        for revision, names in zip(revisions, known, strict=True):
            if name not in names:
                raise CannotMeasure(f"{label} is missing in {revision.label}")
        base, head = (instructions(revision, name) for revision in revisions)
    except CannotMeasure as problem:
        say(str(problem))
        return failed(label, problem)
    say(f"{label}: {head / base:.4f} x the instructions of BASE")
    judged = Judged("instructions", judge_counts(base, head), base, head)
    return CellResult(label, (), (judged,), Steady(0, True), 0, 0.0)


def judge_counts(base: float, head: float) -> Judgement:
    """The verdict on two counts, each the same in every run."""
    ratio = head / base
    verdict: Verdict = "worse" if ratio > 1 + EXACT else "better" if ratio < 1 / (1 + EXACT) else "same"
    return Judgement(verdict, True, ratio, ratio, ratio, pairs=1, fresh=0, p=1.0, visible=EXACT)


def instructions(revision: Revision, name: str) -> float:
    """Instructions of one call."""
    few, many = (_run(revision, name, calls) for calls in CALLS)
    if many <= few:
        raise CannotMeasure(f"{name} of {revision.label} executes too few instructions to separate them from the start of Python")
    return (many - few) / (CALLS[1] - CALLS[0])


def _names(revision: Revision) -> list[str]:
    if not (revision.folder / SUITE).is_file():
        raise CannotMeasure(f"{revision.label} has no {SUITE}, which holds the functions whose instructions are counted")
    done = subprocess.run(
        [str(revision.python), str(SUITE)],
        cwd=revision.folder,
        env=revision.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotMeasure(f"{SUITE} of {revision.label} does not run: {_last(done.stderr)}")
    return done.stdout.split()


def _run(revision: Revision, name: str, calls: int) -> int:
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    command = ["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]
    try:
        done = subprocess.run(
            [*command, str(revision.python), str(SUITE), name, str(calls)],
            cwd=revision.folder,
            env=revision.environment() | single,
            capture_output=True,
            text=True,
            check=False,
            timeout=COUNT_S,
            preexec_fn=end_with_parent,
        )
    except subprocess.TimeoutExpired:
        raise CannotMeasure(f"{name} of {revision.label} was not counted after {COUNT_S:g} s") from None
    found = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode or not found:
        raise CannotMeasure(f"{name} of {revision.label} cannot be counted: {_last(done.stderr)}")
    return int(found[1].replace(",", ""))


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no message"])[-1]
