"""Reads signed addresses over plain http with the standard library, which makes one copy less than obstore.

Reading 47 MB over loopback took 39 ms of processor time this way, 44 ms with boto3 and 79 ms with obstore (medians of 30
alternating reads on four busy cores; benchmarks/pytest_suite/test_store.py). Over TLS obstore reads itself, because decryption
costs more than a copy.
"""

from __future__ import annotations

import http.client
import re
import socket
import threading
import weakref
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from manyhands.data.store.failure import CUT, HANGING, REFUSED, StoreProblem, of_answer
from manyhands.data.store.settings import Settings

CODE = re.compile(rb"<Code>(\w+)</Code>")
OK, PARTIAL = 200, 206
LONGEST_ERROR = 1 << 16


def can_read_plainly(settings: Settings) -> bool:
    """True when the endpoint uses plain http without a proxy."""
    parts = urlsplit(settings.endpoint or "")
    return parts.scheme == "http" and ("http" not in getproxies() or bool(proxy_bypass(parts.netloc)))


class PlainReader:
    """Connections to one endpoint that stay open between reads; safe to use from several threads."""

    def __init__(self, settings: Settings) -> None:
        self._retries = settings.retries
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        weakref.finalize(self, _close, self._idle)

    def read(self, address: str, start: int, stop: int | None) -> bytes:
        """The bytes from `start` up to, but not including, `stop` at a signed address; None means all. Raises StoreProblem."""
        while True:
            with self._lock:
                kept = self._idle.pop() if self._idle else None
            try:
                return self._ask(kept or self._connect(address), address, start, stop)
            except (http.client.RemoteDisconnected, ConnectionError) as error:
                if kept is None:
                    raise StoreProblem(REFUSED if isinstance(error, ConnectionRefusedError) else CUT) from None
                # the server has closed this idle connection, which is normal: use the next one or a new one
            except TimeoutError:
                raise StoreProblem(HANGING) from None
            except socket.gaierror:
                raise StoreProblem(REFUSED, "the host name is not known") from None
            except (OSError, http.client.HTTPException):
                raise StoreProblem(CUT) from None

    def _connect(self, address: str) -> http.client.HTTPConnection:
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=self._retries.connect_s)
        connection.connect()
        connection.sock.settimeout(self._retries.answer_s)
        return connection

    def _ask(self, connection: http.client.HTTPConnection, address: str, start: int, stop: int | None) -> bytes:
        parts = urlsplit(address)
        done = False
        try:
            span = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
            connection.request("GET", f"{parts.path}?{parts.query}", headers=span)
            answer = connection.getresponse()
            if answer.status not in (OK, PARTIAL):
                code = CODE.search(answer.read(LONGEST_ERROR))
                raise of_answer(code[1].decode() if code else None, answer.status)
            content = answer.read()
            done = not answer.will_close
            return content[start:stop] if answer.status == OK and stop is not None else content
        finally:
            if done:
                with self._lock:
                    self._idle.append(connection)
            else:
                connection.close()


def _close(idle: list[http.client.HTTPConnection]) -> None:
    for connection in idle:
        connection.close()
