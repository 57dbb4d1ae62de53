"""The process that launches cells for one side of a comparison, with that side's own files: a spec a line in, a record a line out.

Started as a script, so that it is this file whatever the side holds; it imports nothing of manyhands but what the side has.
"""

import json
import signal
import sys
from collections.abc import Mapping
from typing import Any


def check(given: Mapping[str, Any]) -> dict[str, Any]:
    """Reads a cell's data once, so that no launch makes it; what the side knows about the cell."""
    from pathlib import Path

    from manyhands.plan import RunSpec
    from manyhands.plugins import workload_class
    from manyhands.run import refusal

    spec = RunSpec(**given)
    if reason := refusal(spec):
        return {"error": reason}
    kind = workload_class(spec.workload)
    kind.from_settings(spec.settings).check_data(Path(spec.data_dir) if spec.data_dir else None, spec.total_samples)
    return {"quality": kind.quality, "kind": kind.kind}


def launch(given: Mapping[str, Any]) -> dict[str, Any]:
    """One measured run."""
    from manyhands.plan import RunSpec
    from manyhands.run import Surroundings, measure

    global surroundings
    surroundings = surroundings or Surroundings()
    return {"record": json.loads(measure(RunSpec(**given), surroundings).to_json())}


surroundings: Any = None

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a run that is cut off takes what it started with it
    sys.path.pop(0)  # this file's own folder, which is not the side's
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        question = json.loads(line)
        try:
            answer = {"check": check, "launch": launch}[question["ask"]](question["spec"])
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
        print(json.dumps(answer), file=answers, flush=True)
