"""The reasons that are true for a strike: a record must name the thing that was struck, and how, not a consequence of it."""

from __future__ import annotations

import re

from benchmarks.faults.strikes import Strike

TIME_OUT = r"not finished after the [\d.]+ s of --timeout"
HOW = {
    "kill": r"SIGKILL|signal 9|was killed|died",
    "terminate": r"SIGTERM|signal 15|terminated",
    "interrupt": r"SIGINT|signal 2\b|interrupt|KeyboardInterrupt",
}
"""Kind of a signal -> how a reason names it."""
WHO = {
    "driver": r"the run's process",
    "guard": r"the run's process",
    "rank": r"worker",
    "raylet": r"raylet",
    "gcs_server": r"gcs_server",
    "dashboard agent": r"agent",
    "runtime env agent": r"agent",
    "java": r"Spark's process.* java",
    "torchrun": r"torchrun",
    "python daemon": r"Python",
}
"""Target -> how a reason names it."""
PLACE = {
    "disk full": r"no space left on the disk of ",
    "folder gone": r"its temporary folder .* was removed while it ran",
    "network down": rf"{TIME_OUT}|Timed out trying to connect|network",
    "store killed": r"no connection to http://127.0.0.1:\d+ for s3://",
}


def is_true(strike: Strike, reason: str) -> bool:
    """True when a failed run's reason names what was struck, and by what."""
    if strike.kind in PLACE:
        return re.search(PLACE[strike.kind], reason) is not None
    if strike.kind == "stop":
        return re.search(TIME_OUT, reason) is not None or re.search(WHO.get(strike.target, "$^"), reason) is not None
    named = re.search(WHO.get(strike.target, "$^"), reason)
    return named is not None and re.search(HOW[strike.kind], reason) is not None
