"""The first process of a run: `python -m manyhands.guard FOLDER` starts the driver, and outlives the parent by a moment.

All processes of the run are descendants of the guard, orphans too. When the parent dies, even by SIGKILL, the guard kills them all and
removes FOLDER, because some engines look after their processes only once a minute. It imports nothing that takes time, so that it
stands before the parent can be gone.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

from manyhands.parent import PARENT, adopt_orphans, die_with_parent, end_with_parent
from manyhands.shared_memory import is_tracker, remove_semaphores

TRACKERS_S = 3.0
"""Longest wait for the resource trackers."""
LOOK_S = 0.01
ASKED = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask a run to end: the driver gets them."""


def main(folder: Path) -> int:
    """In the driver's process the driver's exit code; the guard ends as the driver did, by the same signal or exit code."""
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
    parent = int(os.environ[PARENT])
    end_with_parent()
    if os.getppid() != parent:  # it has ended before this process could ask for a signal
        end_all(folder)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a parent may ignore it, and then no child could be waited for
    adopt_orphans()
    os.environ[PARENT] = str(os.getpid())
    driver = os.fork()
    if driver == 0:
        die_with_parent()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
        from manyhands.driver import main as drive

        return drive(folder)

    def stop(number: int, frame: FrameType | None) -> None:
        if os.getppid() == parent:
            os.kill(driver, number)
        else:
            end_all(folder)

    for number in ASKED:
        signal.signal(number, stop)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKED)
    return end_as(wait_for(driver))


def wait_for(driver: int) -> int:
    """The wait status of the driver once it has ended; orphans that end before are collected."""
    while True:
        ended, status = os.waitpid(-1, 0)
        if ended == driver:
            return status


def end_as(status: int) -> int:
    """The exit code of a process with this wait status; where a signal ended it, the same signal ends this process."""
    if os.WIFSIGNALED(status):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the driver has left its own
        number = os.WTERMSIG(status)
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    return os.waitstatus_to_exitcode(status)


def end_all(folder: Path) -> NoReturn:
    """Kills every descendant of this process, removes the run's folder and its semaphores, and ends this process.

    Python's resource trackers are killed last: each removes semaphores once all processes that use them have ended, and then ends.
    """
    ended: set[int] = set()
    deadline = time.monotonic() + TRACKERS_S
    while True:
        for child in children_of(os.getpid()):
            ended.add(child)
            if time.monotonic() > deadline or not is_tracker(child):
                os.kill(child, signal.SIGKILL)
        try:
            collected, _ = os.waitpid(-1, os.WNOHANG)  # descendants of a process that has ended are children of this one now
        except ChildProcessError:
            break
        if not collected:
            time.sleep(LOOK_S)
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    remove_semaphores(ended)
    os._exit(1)


def children_of(pid: int) -> list[int]:
    """The numbers of all children of a process, zombies too."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                fields = Path("/proc", name, "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue  # it has ended
            if int(fields[1]) == pid:
                found.append(int(name))
    return found


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
