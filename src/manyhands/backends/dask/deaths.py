"""The ends of worker processes, as the nannies of this process write them to Dask's log: the scheduler only knows that a worker is gone."""

from __future__ import annotations

import logging
import re
import threading

from manyhands.measure.ended import how

SIGNAL = re.compile(r"Worker process (\d+) was killed by signal (\d+)")
STATUS = re.compile(r"Worker process (\d+) exited with status (\d+)")
LATE_S = 2.0
"""Longest wait for the message: the scheduler may hear of the end of a worker before its nanny does."""


class Deaths(logging.Handler):
    """Keeps the first end of a worker process: later ones follow from it."""

    def __init__(self) -> None:
        super().__init__()
        self._first = ""
        self._known = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps the message when it is the first about an end."""
        text = record.getMessage()
        if not self._first and (found := SIGNAL.search(text) or STATUS.search(text)):
            self._first = f": its process {found[1]} {how(-int(found[2]) if found.re is SIGNAL else int(found[2]))}"
            self._known.set()

    def first(self) -> str:
        """`: its process 4711 was killed by SIGKILL`; empty when no nanny of this process reports an end."""
        self._known.wait(LATE_S)
        return self._first


def listen() -> Deaths:
    """A handler that hears the nannies of this process from now on; call it after Dask has set the levels of its logs."""
    nannies, deaths = logging.getLogger("distributed.nanny"), Deaths()
    nannies.setLevel(logging.INFO)
    nannies.addHandler(deaths)
    return deaths
