"""Ends the run as soon as a process of its own cluster ends: Ray itself waits for a minute, or ends the driver with another reason."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from manyhands.backends.ray.failure import OWN, process_ended
from manyhands.measure.ended import leave_note


@contextmanager
def lookout(folder: Path) -> Iterator[None]:
    """While the block runs, the end of a `gcs_server` or `raylet` of this process ends this process, with a note about it in `folder`.

    The guard and the parent of the run then end all other processes.
    """
    with ExitStack() as stack:
        over, last = os.pipe()
        stack.callback(os.close, over)
        poll = select.poll()
        poll.register(over, select.POLLHUP)
        for child in psutil.Process().children():
            if child.name() in OWN:
                descriptor = os.pidfd_open(child.pid)
                stack.callback(os.close, descriptor)
                poll.register(descriptor, select.POLLIN)

        def watch() -> None:
            ready = poll.poll()
            if over not in dict(ready):
                leave_note(folder, str(process_ended(folder)))
                os._exit(1)

        thread = threading.Thread(target=watch, name="manyhands-lookout", daemon=True)
        thread.start()
        try:
            yield
        finally:
            os.close(last)
            thread.join()
