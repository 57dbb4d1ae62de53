"""Inside the fresh process of a run, which `guard.py` starts with FOLDER.

FOLDER/specs.json holds one spec, or several that share one started engine. The driver writes FOLDER/outcome-N.json for each, with
the result or the error message. The parent (`process.py`) starts the guard, watches both, and makes the records.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from manyhands.backends.base import Backend, NodePartDone
from manyhands.errors import ManyhandsError
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.phases import now
from manyhands.measure.resources import tree_cpu_s
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, workload_class


def execute(specs: Sequence[RunSpec], folder: Path) -> int:
    """Starts the engine for the most workers asked for, trains spec after spec, stops it; 1 when a run failed, else 0."""
    largest = max(specs, key=lambda spec: spec.workers)
    engine_folder = folder / "engine"
    engine_folder.mkdir()
    number = 0
    try:
        with ExitStack() as stack:
            with imports_without_collection():
                engine = stack.enter_context(backend_class(largest.backend)(largest, engine_folder))
            ready = now()
            for number, spec in enumerate(specs):
                leave(folder, number, one_run(engine, spec) | {"engine_ready": ready})
    except NodePartDone:
        leave(folder, number, {"helped": True})
    except ManyhandsError as error:
        leave(folder, number, {"error": type(error).__name__, "reason": str(error)})
        return 1
    return 0


def one_run(engine: Backend, spec: RunSpec) -> dict[str, Any]:
    """Trains once in the started engine; the fit as plain values and the span of the run on this host's clock."""
    load_1m, cpu, started = os.getloadavg()[0], tree_cpu_s(), now()
    fit = getattr(engine, f"fit_{workload_class(spec.workload).kind}")(spec)
    received = now()
    spent = {"cpu_s": tree_cpu_s() - cpu, "load_1m": load_1m}
    return {"fit": asdict(fit), "started": started, "received": received, "ended": now()} | spent


def leave(folder: Path, number: int, outcome: dict[str, Any]) -> None:
    """Writes the outcome of one run, whole or not at all."""
    partial = folder / "outcome.partial"
    partial.write_text(json.dumps(outcome))
    os.replace(partial, folder / f"outcome-{number}.json")


def main(folder: Path) -> int:
    """Exit code 0 with all results, 1 with an error message; an error that is not ours keeps its traceback.

    When a signal asked the process to end, it ends by that signal, although engines turn signals into errors and exit codes.
    """
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)  # Python writes each signal for which it has a handler
    try:
        code = execute([RunSpec.from_dict(values) for values in json.loads((folder / "specs.json").read_text())], folder)
    except BaseException:
        end_by_signal(reading)
        raise
    if code:
        end_by_signal(reading)
    return code


def end_by_signal(reading: int) -> None:
    """Ends this process by the signal that asked it to end; does nothing when there was none. `reading`: a pipe of signal numbers."""
    with suppress(BlockingIOError):
        for number in os.read(reading, 1000):
            if number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
                os.kill(os.getpid(), number)
