"""Finds the worker of `fabric-ddp` that failed first: each failed worker writes a note to the run's folder for the driver.

Fabric checks its processes every 5 s; when one has failed, it kills all without an error message. When one worker is gone, the
other workers fail too, over broken connections. So rank 0 waits for the processes that it launched, and every note has a time.
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
"""After its own failure, rank 0 waits this long for the ProcessWatcher to find a worker that was killed before."""
STARTING_S = 0.02
"""Time between two checks that Fabric has started all processes; to start them takes it some milliseconds."""


def leave_note(folder: Path, rank: int, kind: str, reason: str, killed: bool = False) -> None:
    """Writes the reason why a worker ended to its note; `kind`: the name of the error's class."""
    partial = folder / f"failed-{rank}.partial"
    partial.write_text(json.dumps({"rank": rank, "kind": kind, "reason": reason, "killed": killed, "at": now()}))
    os.replace(partial, folder / NAME.format(rank=rank))


def first_failure(folder: Path, code: int, pid: int) -> ManyhandsError:
    """The error of the worker that failed first: the ManyhandsError that the worker raised, or an EngineError.

    `code`, `pid`: exit code and number of rank 0's process, the only process that the driver itself has started.
    """
    notes: list[dict[str, Any]] = [json.loads(path.read_text()) for path in folder.glob(NAME.format(rank="*"))]
    if killed := [note for note in notes if note["killed"]]:
        return EngineError(killed[0]["reason"])
    if code < 0:
        return EngineError(died(0, pid, code))
    if not notes:
        return EngineError(f"fabric-ddp worker 0 ended with exit code {code} and without an error message")
    first = min(notes, key=lambda note: float(note["at"]))
    if ours := by_name(first["kind"]):
        return ours(first["reason"])
    return EngineError(f"fabric-ddp worker {first['rank']} failed: {first['kind']}: {first['reason']}")


def died(rank: int, pid: int, code: int) -> str:
    """The error message for a worker that a signal ended; `code`: the negative number of the signal."""
    return f"fabric-ddp worker {rank} (pid {pid}) was killed by {signal.Signals(-code).name}"


class ProcessWatcher(threading.Thread):
    """Waits until every process that Fabric launched from here has ended; when one of them fails, it ends this process.

    The other workers then end too, because every worker ends with its parent.
    """

    def __init__(self, processes: Sequence[subprocess.Popen[bytes]], count: int, first_rank: int, folder: Path) -> None:
        """`processes`: a list that Fabric fills up to `count` while it launches; `first_rank`: the rank of the first process."""
        super().__init__(daemon=True, name="manyhands-process-watcher")
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
