"""The process that launches cells for one side of a comparison with the files of that side: one line per spec in, one per record out.

It is started as a script, so both sides run this file; all other imports of manyhands come from the side's own files.
"""

import ctypes
import json
import signal
import sys
from collections.abc import Mapping
from typing import Any

PR_SET_PDEATHSIG = 1
"""Option of prctl(2): the signal that the kernel sends this process when its parent ends."""
NEWER = ("memory_layout", "yardstick", "steps", "max_seconds", "loader_workers", "sync", "target")
"""Fields of a spec that older commits do not have: without them a run has the system's memory layout, no yardstick, counts epochs, and averages at every step."""
AS_BEFORE = {"sync": "every-step", "target": None}
"""The values of those that say what an older commit does: any other it cannot do."""


def spec_of(given: Mapping[str, Any]) -> Any:
    """The spec as the side knows it."""
    from dataclasses import fields

    from manyhands.plan import RunSpec

    known = {field.name for field in fields(RunSpec)}
    dropped = [name for name in NEWER if name not in known and given.get(name) == AS_BEFORE.get(name, given.get(name))]
    return RunSpec(**{name: value for name, value in given.items() if name not in dropped})


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """Reads a cell's data once, so that no launch has to make it; returns the kind and the quality metric of the cell."""
    from pathlib import Path

    from manyhands.plugins import workload_class
    from manyhands.run import refusal

    spec = spec_of(given)
    if reason := refusal(spec):
        return {"error": reason}
    kind = workload_class(spec.workload)
    kind.from_settings(spec.settings).check_data(Path(spec.data_dir) if spec.data_dir else None, spec.total_samples)
    return {"quality": kind.quality, "kind": kind.kind}


def launch(given: Mapping[str, Any]) -> dict[str, Any]:
    """One measured run."""
    from manyhands.run import Surroundings, measure

    global surroundings
    surroundings = surroundings or Surroundings()
    return {"record": json.loads(measure(spec_of(given), surroundings).to_json())}


surroundings: Any = None

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # an interrupted run ends the processes it started
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)  # from here on also when the comparison is killed
    sys.path.pop(0)  # the folder of this file, which does not belong to the side
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"check": check, "launch": launch}[question["ask"]](question["spec"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)
