"""The workers of a failed script -> one line: the worker that failed first, with its error, exit code or signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from manyhands.backends.nodes.heartbeat import is_consequence
from manyhands.errors import EngineError, ManyhandsError
from manyhands.plan import RunSpec


def script_error(
    spec: RunSpec, reports: Sequence[Mapping[str, Any]], tail: Callable[[int], Sequence[str]], of_engine: ManyhandsError | None
) -> ManyhandsError:
    """The error of the worker that failed first; else the engine's own; else the missing workers.

    A worker that lost its connection failed because another one had ended: then that one is named. `tail`: the last lines that a
    rank has printed.
    """
    failed = sorted((report for report in reports if report["exit_code"]), key=lambda report: float(report["ended"]))
    causes = [report for report in failed if not is_consequence(str(report["error"]))]
    if causes:
        return EngineError(f"{spec.backend} worker {causes[0]['rank']} {how_it_ended(causes[0], tail)}")
    early = [str(report["rank"]) for report in reports if not report["exit_code"]]
    if failed and early:
        worker = f"{'workers' if len(early) > 1 else 'worker'} {', '.join(early)}"
        return EngineError(
            f"{spec.backend}: {worker} ended with exit code 0 while others went on: worker {failed[0]['rank']}"
            f" {how_it_ended(failed[0], tail)}"
        )
    if of_engine:
        return of_engine
    if failed:
        return EngineError(f"{spec.backend} worker {failed[0]['rank']} {how_it_ended(failed[0], tail)}")
    missing = sorted(set(range(spec.workers)) - {int(report["rank"]) for report in reports})
    return EngineError(f"{spec.backend}: no report of worker {', '.join(map(str, missing))}; its process ended in an unusual way")


def ended_early(folder: Path) -> str:
    """An addition to the reason of a run that did not end: the workers of its script that had ended; empty without one.

    `folder`: that of the run.
    """
    ranks = sorted(int(path.stem.partition("-")[2]) for path in folder.glob("engine/script-*/rank-*.json"))
    if not ranks:
        return ""
    return f"; {'workers' if len(ranks) > 1 else 'worker'} {', '.join(map(str, ranks))} had ended before, the others went on"


def how_it_ended(report: Mapping[str, Any], tail: Callable[[int], Sequence[str]]) -> str:
    """`failed: ValueError: ...`, `was killed by SIGKILL` or `ended with exit code 3`."""
    code = int(report["exit_code"])
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}"
    if report["error"]:
        return f"failed: {str(report['error']).splitlines()[0]}"
    lines = tail(int(report["rank"]))
    return f"ended with exit code {code}{f': {lines[-1]}' if lines else ''}"
