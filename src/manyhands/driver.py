"""Inside the fresh process of one run: `python -m manyhands.driver FOLDER`.

FOLDER/spec.json says what to run; FOLDER/outcome.json is left with the result or the error in words. The parent (`run.py`)
starts it, watches it, and makes the record.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from manyhands.backends.base import kinds
from manyhands.errors import ManyhandsError, UsageError
from manyhands.measure.phases import now
from manyhands.measure.resources import die_with_parent
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class, workload_class


def execute(spec: RunSpec, folder: Path) -> dict[str, Any]:
    """Launches the backend, trains, tears down; returns the fit as plain values."""
    backend = backend_class(spec.backend)
    kind = workload_class(spec.workload).kind
    if kind not in kinds(backend):
        raise UsageError(f"{spec.backend} does not offer {kind} workloads such as {spec.workload}; see 'manyhands list'")
    backend.require()
    engine_folder = folder / "engine"
    engine_folder.mkdir()
    with backend(spec, engine_folder) as engine:
        fit = getattr(engine, f"fit_{kind}")(spec)
        received = now()
    return {"fit": asdict(fit), "received": received, "host": socket.gethostname()}


def main(folder: Path) -> int:
    """Exit code 0 with a result, 1 with an error in outcome.json; an error that is not ours keeps its traceback."""
    die_with_parent()
    spec = RunSpec.from_dict(json.loads((folder / "spec.json").read_text()))
    try:
        outcome, code = execute(spec, folder), 0
    except ManyhandsError as error:
        outcome, code = {"error": type(error).__name__, "reason": str(error)}, 1
    partial = folder / "outcome.partial"
    partial.write_text(json.dumps(outcome))
    os.replace(partial, folder / "outcome.json")
    return code


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
