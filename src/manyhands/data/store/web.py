"""A read-only store behind http(s). It cannot list files, so their names must be known."""

from __future__ import annotations

import http.client
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import quote

from manyhands.data.inflate import Readable
from manyhands.data.store.base import Entry, Store
from manyhands.data.store.failure import CUT, HANGING, NO_OBJECT, REFUSED, StoreProblem, of_answer
from manyhands.errors import DataError

ATONCE = 8
"""The largest number of parallel requests for sizes."""
BLOCK_BYTES = 1 << 20
PARTIAL = 206
UNSATISFIABLE = 416


class WebStore(Store):
    """Files below a web address, read with the standard library; a proxy comes from the usual environment variables."""

    can_list = False

    @property
    def endpoint(self) -> str:
        return self.location.root

    def sizes(self, names: Sequence[str]) -> dict[str, int]:
        with ThreadPoolExecutor(ATONCE) as threads:
            found = dict(zip(names, threads.map(self._size_or_none, names), strict=True))
        return {name: size for name, size in found.items() if size is not None}

    def _size_or_none(self, name: str) -> int | None:
        def ask() -> int | None:
            try:
                with self._answer(name, "HEAD") as answer:
                    return int(answer.headers.get("Content-Length") or 0)
            except StoreProblem as problem:
                if problem.kind == NO_OBJECT:
                    return None
                raise

        return self._ask(name, ask)

    def blocks(self, name: str = "") -> Iterator[bytes]:
        """The content of `name` in blocks, for files larger than memory; tries once and raises StoreProblem."""
        with self._answer(name, "GET") as answer:
            yield from _blocks(answer)

    def _listing(self) -> list[Entry]:
        raise DataError(f"{self.location}: files behind http(s) cannot be listed; name one, or use a bucket or a folder")

    def _read(self, name: str, start: int, stop: int | None) -> Readable:
        headers = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
        with self._answer(name, "GET", headers) as answer:
            content = b"".join(_blocks(answer))
            ranged = answer.status == PARTIAL
        if stop is None or ranged:
            return content
        return content[start:stop]  # a server may ignore the range and send the whole file (RFC 9110, 14.2)

    def _write(self, name: str, content: Readable) -> None:
        raise DataError(f"{self.location}: nothing can be written behind http(s); use a bucket or a path")

    def _delete(self, name: str) -> None:
        raise DataError(f"{self.location}: nothing can be removed behind http(s); use a bucket or a path")

    def prepare_writing(self) -> None:
        self._write("", b"")

    @contextmanager
    def _answer(self, name: str, method: str, headers: dict[str, str] | None = None) -> Iterator[http.client.HTTPResponse]:
        address = f"{self.location.root}/{quote(self.location.key(name))}"
        request = urllib.request.Request(address, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.retries.answer_s) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == UNSATISFIABLE:
                raise StoreProblem(CUT) from None
            raise of_answer(None, error.code) from None
        except urllib.error.URLError as error:
            raise _unanswered(error.reason) from None
        except (OSError, http.client.HTTPException) as error:
            raise _unanswered(error) from None


def _blocks(answer: http.client.HTTPResponse) -> Iterator[bytes]:
    """The blocks of the body; raises StoreProblem when the body is shorter than the header says."""
    left = int(answer.headers["Content-Length"]) if answer.headers.get("Content-Length") else None
    while block := answer.read(BLOCK_BYTES):
        yield block
        left = left - len(block) if left is not None else None
    if left:
        raise StoreProblem(CUT)


def _unanswered(reason: object) -> StoreProblem:
    if isinstance(reason, TimeoutError):
        return StoreProblem(HANGING)
    if isinstance(reason, ConnectionResetError | http.client.HTTPException):
        return StoreProblem(CUT)
    if isinstance(reason, socket.gaierror):
        return StoreProblem(REFUSED, "the host name is not known")
    return StoreProblem(REFUSED)
