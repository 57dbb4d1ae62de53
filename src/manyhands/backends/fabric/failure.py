"""Which worker of `fabric-ddp` failed first: each leaves a note in the run's folder, and the driver reads them.

Fabric itself looks after its processes every 5 s, then kills all, and says nothing; when one worker is gone the others
fail too, over broken connections. So rank 0 watches the processes that it launched, and every note has a time.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from manyhands.errors import EngineError, ManyhandsError, by_name
from manyhands.measure.phases import now

NAME = "failed-{rank}.json"
GRACE_S = 1.0
"""Seconds that rank 0, having failed, leaves its watch to find that another worker had gone before."""
STARTING_S = 0.02
"""How often the watch looks whether Fabric has started all processes, which takes it some milliseconds."""


def leave_note(folder: Path, rank: int, kind: str, reason: str, killed: bool = False) -> None:
    """Writes down why a worker ended; `kind`: the name of the error's class."""
    partial = folder / f"failed-{rank}.partial"
    partial.write_text(json.dumps({"rank": rank, "kind": kind, "reason": reason, "killed": killed, "at": now()}))
    os.replace(partial, folder / NAME.format(rank=rank))


def first_failure(folder: Path, code: int, pid: int) -> ManyhandsError:
    """The error of the worker that failed first, of its own kind where it is one of ours.

    `code`, `pid`: of rank 0's process, the only one that the driver itself has started.
    """
    notes: list[dict[str, Any]] = [json.loads(path.read_text()) for path in folder.glob(NAME.format(rank="*"))]
    if killed := [note for note in notes if note["killed"]]:
        return EngineError(killed[0]["reason"])
    if code < 0:
        return EngineError(died(0, pid, code))
    if not notes:
        return EngineError(f"fabric-ddp worker 0 ended with {code} and said nothing")
    first = min(notes, key=lambda note: float(note["at"]))
    if ours := by_name(first["kind"]):
        return ours(first["reason"])
    return EngineError(f"fabric-ddp worker {first['rank']} failed: {first['kind']}: {first['reason']}")


def died(rank: int, pid: int, code: int) -> str:
    """How a worker that a signal ended is reported; `code`: the negative number of the signal."""
    return f"fabric-ddp worker {rank} (pid {pid}) was killed by {signal.Signals(-code).name}"


class Watch(threading.Thread):
    """Blocks until every process that Fabric launched from here has ended; one that ends badly takes this process down.

    The others then end with it: every worker dies with its parent.
    """

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]], count: int, first_rank: int, folder: Path) -> None:
        """`processes`: a list that Fabric fills up to `count` while it launches; `first_rank`: the rank of the first."""
        super().__init__(daemon=True, name="manyhands-watch")
        self.processes, self.count, self.first_rank, self.folder = processes, count, first_rank, folder

    def run(self) -> None:
        while len(self.processes) < self.count:
            time.sleep(STARTING_S)
        waiting = [
            threading.Thread(target=self._wait, args=(rank, process), daemon=True)
            for rank, process in enumerate(self.processes, start=self.first_rank)
        ]
        for thread in waiting:
            thread.start()
        for thread in waiting:
            thread.join()

    def _wait(self, rank: int, process: subprocess.Popen[bytes]) -> None:
        code = process.wait()
        if code < 0:
            leave_note(self.folder, rank, "EngineError", died(rank, process.pid, code), killed=True)
        if code:
            os._exit(1)  # the main thread may be blocked inside a collective, where no exception reaches it
