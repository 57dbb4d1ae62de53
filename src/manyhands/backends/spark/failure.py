"""What the workers of `spark` print: sent to the driver, shown in its log, and read for the reason when one fails.

TorchDistributor's own log server listens on every interface and takes lines from anybody; it is replaced, in the driver of
this run alone, by one that listens on the driver's own address.
"""

from __future__ import annotations

import re
import socketserver
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from manyhands.errors import EngineError, ManyhandsError, by_name

KEPT_LINES = 2000
LAST_LINES_S = 0.2
"""Time for the last lines to arrive before the server stops: as long as TorchDistributor's own gives them."""
KILLED = re.compile(r"Signal \d+ \((?!SIGTERM)(\w+)\) received by PID (\d+)")
"""What torchrun says of a worker that a signal ended; SIGTERM is what it sends itself to the others."""
RAISED = re.compile(r"^(?:\[\w+\]:\s*)?((?:\w+\.)*\w*(?:Error|Exception|Unavailable)): (.+)")
UNTOLD = ("PYTHON_EXCEPTION", "TorchDistributor failed", "ChildFailedError", "An error occurred while calling", "Job aborted")
"""Exceptions that only say that there was another."""
GONE = re.compile(r"ExecutorLostFailure \(executor (\w+) .*?Reason: (.+)")
"""Number of the executor, and how Spark noticed."""
LOST = (
    ("Python worker exited unexpectedly", "the Python process of a Spark task ended unexpectedly, killed perhaps"),
    ("failed with return code", "the process that runs torchrun in a Spark task was killed"),
    ("ExecutorLostFailure", "Spark lost an executor"),
)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    lines: deque[str]


class _Connection(socketserver.StreamRequestHandler):
    """One task's lines: four bytes of length, then the text."""

    server: _Server

    def handle(self) -> None:
        while len(size := self.rfile.read(4)) == 4:
            line = self.rfile.read(int.from_bytes(size, "big")).decode("utf-8", "replace")
            self.server.lines.append(line)
            print(line, file=sys.stderr, flush=True)


class LogServer:
    """Stands in for TorchDistributor's `LogStreamingServer` and keeps the last lines."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.port = -1
        self._server: _Server | None = None

    def start(self, spark_host_address: str) -> None:
        """Listens on a free port of that address."""
        self._server = _Server((spark_host_address, 0), _Connection)
        self._server.lines = self.lines
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def shutdown(self) -> None:
        """Stops listening once the last lines have come."""
        if self._server is not None:
            time.sleep(LAST_LINES_S)
            self._server.shutdown()
            self._server.server_close()


@contextmanager
def own_log_server() -> Iterator[LogServer]:
    """TorchDistributors that run inside send their workers' lines to the server given."""
    import pyspark.ml.torch.distributor

    distributor: Any = pyspark.ml.torch.distributor
    server, theirs = LogServer(), distributor.LogStreamingServer
    distributor.LogStreamingServer = lambda: server
    try:
        yield server
    finally:
        distributor.LogStreamingServer = theirs


def failure(error: Exception, printed: list[str], hosts: Mapping[str, str] = MappingProxyType({})) -> ManyhandsError:
    """Why the workers failed: our own error when one of them raised it, else a signal, else the first exception told.

    `hosts`: number of each executor that there was -> its host.
    """
    print(error, file=sys.stderr)  # whole, for the log of the run
    told = [*printed, *str(error).splitlines()]
    raised = [match for line in told if (match := RAISED.search(line.strip()))]
    for kind, words in (match.groups() for match in raised):
        if kind.startswith("manyhands.errors.") and (ours := by_name(kind)):
            return ours(words)
    for line in told:
        if match := KILLED.search(line):
            return EngineError(f"spark lost a worker: its process (pid {match[2]}) was killed by {match[1]}")
    if match := GONE.search(str(error)):
        host = hosts.get(match[1], "a host that Spark does not name")
        return EngineError(f"spark lost a worker: executor {match[1]} on {host}: {match[2].strip()}")
    for sign, words in LOST:
        if sign in str(error):
            return EngineError(f"spark lost a worker: {words}")
    first = next((match[0] for match in raised if not any(word in match[0] for word in UNTOLD)), None)
    return EngineError(f"spark: {first or str(error).strip().splitlines()[0]}")
