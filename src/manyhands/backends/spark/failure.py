"""Finds the reason of a failure in the lines that the workers of `spark` print and send to the driver.

TorchDistributor's own log server listens on every interface and accepts lines from any machine. In the driver of this run
it is replaced by a server that listens only on the driver's own address.
"""

from __future__ import annotations

import io
import re
import socketserver
import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import MappingProxyType
from typing import Any, TextIO

from manyhands.backends.nodes.heartbeat import is_consequence
from manyhands.backends.spark.java_errors import java_reason
from manyhands.errors import EngineError, ManyhandsError, by_name
from manyhands.measure.ended import ended_children, how

KEPT_LINES = 2000
LAST_LINES_S = 0.2
"""Wait for the last lines before the server stops; TorchDistributor's own server waits as long."""
KILLED = re.compile(r"Signal \d+ \((?!SIGTERM)(\w+)\) received by PID (\d+)")
"""torchrun's line about a worker that a signal ended, except SIGTERM, which torchrun itself sends to the other workers."""
RAISED = re.compile(
    r"^(?:\[(?:rank(?P<rank>\d+)|\w+)\]:\s*)?(?P<error>(?P<kind>(?:\w+\.)*\w*(?:Error|Exception|Unavailable)): (?P<message>.+))"
)
"""The last line of a traceback: class and message; torch puts `[rank1]:` before it once the group exists."""
WRAPPING_ERRORS = (
    "PYTHON_EXCEPTION",
    "TorchDistributor failed",
    "ChildFailedError",
    "An error occurred while calling",
    "Job aborted",
)
"""Names of exceptions that report only that another exception was raised."""
EXITED = re.compile(r"failed \(exitcode: (?P<code>\d+)\) local_rank: \d+ \(pid: (?P<pid>\d+)\)")
"""torchrun's line about a worker that ended by itself."""
RAISED_CODE = 1
"""Exit code of a worker whose error was raised."""
INTERRUPTED = re.compile(r"^\[rank(\d+)\]:\s*KeyboardInterrupt$")
"""The last line of a worker that SIGINT ended."""
GONE = re.compile(r"ExecutorLostFailure \(executor (\w+) .*?Reason: (.+)")
"""Spark's line about a lost executor: its number and the reason."""
SILENT = "its process, or torchrun, which starts it, was killed or crashed"
"""The end of a worker without a report of it."""
NOTHING_BUT = "TorchDistributor failed during training"
"""All that TorchDistributor's local mode says of a failure: what the workers say, they print."""
LOST = (
    ("Python worker exited unexpectedly", "the Python process of a Spark task ended unexpectedly; perhaps it was killed"),
    ("failed with return code", "the process that runs torchrun in a Spark task was killed"),
    ("ExecutorLostFailure", "Spark lost an executor"),
)
"""Sign in what Spark says -> what has happened."""
SHUT_DOWN = "SparkContext was shut down"
"""Spark's message for its jobs when Java ends."""
ENDING_S = 10.0
"""Longest time that Java takes to end after that."""
JAVA_LOG = "java.log"
"""The file in a run's folder that keeps the errors that Java logs."""


def lost_worker(text: str, backend: str = "spark") -> str | None:
    """The reason when the text has a sign of a lost worker; None without one."""
    return next((f"{backend} lost a worker: {reason}" for sign, reason in LOST if sign in text), None)


def logged_by_java(folder: Path) -> str:
    """The errors that Java has logged in a run's folder; empty before it has logged one."""
    log = folder / JAVA_LOG
    return log.read_text(errors="replace") if log.exists() else ""


def java_ended(error: BaseException) -> EngineError | None:
    """The error when the run's own Java has ended by itself: all other errors of a run follow from that. None while it runs.

    `error`: the one that came out. Java that a signal ends stops Spark first, and takes a while.
    """
    until = time.monotonic() + (ENDING_S if SHUT_DOWN in str(error) else 0)
    while True:
        if ended := next((child for child in ended_children() if child.name.startswith("java")), None):
            return EngineError(f"Spark's process on this machine, {ended}")
        if time.monotonic() >= until:
            return None
        time.sleep(LAST_LINES_S)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    lines: deque[str]


class _Connection(socketserver.StreamRequestHandler):
    """The connection of one task; each of its lines is four bytes of length, then the text."""

    server: _Server

    def handle(self) -> None:
        while len(size := self.rfile.read(4)) == 4:
            line = self.rfile.read(int.from_bytes(size, "big")).decode("utf-8", "replace")
            self.server.lines.append(line)
            print(line, file=sys.stderr, flush=True)


class LogServer:
    """A replacement of TorchDistributor's `LogStreamingServer` that keeps the last lines."""

    def __init__(self) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self.port = -1
        self._server: _Server | None = None

    def start(self, spark_host_address: str) -> None:
        """Listens on a free port of `spark_host_address`."""
        self._server = _Server((spark_host_address, 0), _Connection)
        self._server.lines = self.lines
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def shutdown(self) -> None:
        """Waits for the last lines, then stops listening."""
        if self._server is not None:
            time.sleep(LAST_LINES_S)
            self._server.shutdown()
            self._server.server_close()


@contextmanager
def own_log_server() -> Iterator[LogServer]:
    """Makes each TorchDistributor inside send its workers' lines to the server that is yielded."""
    import pyspark.ml.torch.distributor

    distributor: Any = pyspark.ml.torch.distributor
    server, original = LogServer(), distributor.LogStreamingServer
    distributor.LogStreamingServer = lambda: server
    try:
        yield server
    finally:
        distributor.LogStreamingServer = original


class _Copied(io.TextIOBase):
    """Keeps the last lines of what is printed, and passes all of it on."""

    def __init__(self, to: TextIO) -> None:
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        self._to = to

    def write(self, text: str) -> int:
        """Each call of TorchDistributor writes one line."""
        self.lines.extend(text.splitlines())
        return self._to.write(text)

    def flush(self) -> None:
        """Passed on too."""
        self._to.flush()


@contextmanager
def printed_lines() -> Iterator[deque[str]]:
    """The last lines printed inside; TorchDistributor's local mode prints what the workers print, and its exception has none of it."""
    copied = _Copied(sys.stdout)
    with redirect_stdout(copied):
        yield copied.lines


def failure(
    error: Exception,
    printed: Iterable[str],
    hosts: Mapping[str, str] = MappingProxyType({}),
    backend: str = "spark",
    logged: str = "",
) -> ManyhandsError:
    """The error of a failed run: a worker's manyhands error, else a signal or a lost executor, else the first exception of
    Python that is not the consequence of a lost worker, else that loss, else Java's deepest cause.

    `printed`: the lines of the workers; `hosts`: number of each executor -> its host; `logged`: the errors that Java has logged, which
    name a lost worker also when another worker, which missed it, was the first to fail.
    """
    print(error, file=sys.stderr)  # in full, for the log of the run
    lines = [*printed, *str(error).splitlines()]
    raised = [match for line in lines if (match := RAISED.search(line.strip()))]
    for match in raised:
        if match["kind"].startswith("manyhands.errors.") and (error_class := by_name(match["kind"])):
            return error_class(match["message"])
    for line in lines:
        if match := KILLED.search(line):
            return EngineError(f"{backend} lost a worker: its process (pid {match[2]}) was killed by {match[1]}")
        if match := INTERRUPTED.search(line.strip()):
            return EngineError(f"{backend} worker {match[1]} was interrupted by SIGINT")
    if match := GONE.search(str(error)):
        host = hosts.get(match[1], "an unknown host")
        return EngineError(f"{backend} lost a worker: executor {match[1]} on {host}: {match[2].strip()}")
    if lost := lost_worker(f"{error}\n{logged}", backend):
        return EngineError(lost)
    raised = [match for match in raised if not any(name in match["error"] for name in WRAPPING_ERRORS)]
    first = next((match for match in raised if not is_consequence(match["error"])), None)
    if first is None:
        exited = (match for line in lines if (match := EXITED.search(line)) and int(match["code"]) != RAISED_CODE)
        if match := next(exited, None):
            return EngineError(f"{backend} lost a worker: its process (pid {match['pid']}) {how(int(match['code']))}")
        if raised or NOTHING_BUT in str(error):
            return EngineError(f"{backend} lost a worker: {SILENT}")
        return EngineError(f"{backend}: {java_reason(str(error))}")
    return EngineError(
        f"{backend} worker {first['rank']} failed: {first['error']}" if first["rank"] else f"{backend}: {first['error']}"
    )
