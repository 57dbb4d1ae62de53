"""A bucket through s3torchconnector, which PyTorch users know: a map-style data set whose items are read by byte range.

The connector has no time limit, so each request runs in a thread of its own, which is abandoned when it hangs. The connector is
created in the process that uses it, never before a fork.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from manyhands.data.inflate import Readable
from manyhands.data.store.base import Entry
from manyhands.data.store.failure import (
    BUSY,
    CUT,
    DENIED,
    HANGING,
    NO_BUCKET,
    NO_CREDENTIALS,
    NO_OBJECT,
    ODD,
    REFUSED,
    StoreProblem,
)
from manyhands.data.store.settings import Settings

if TYPE_CHECKING:
    from s3torchconnector import S3MapDataset, S3Reader

Answer = TypeVar("Answer")

SLOWEST_BYTES_PER_S = 100_000
"""A large read may take longer than `answer_s`, because its progress cannot be observed; this rate adds time for its size."""
PATTERNS = (
    (r"bucket does not exist", NO_BUCKET),
    (r"key does not exist", NO_OBJECT),
    (r"No signing credentials|credentials? provider|CREDENTIALS", NO_CREDENTIALS),
    (r"Forbidden|Access ?Denied|InvalidAccessKeyId|SignatureDoesNotMatch", DENIED),
    (r"CONNECTION_REFUSED|DNS|NO_ROUTE|UNREACHABLE|CONNECT_ABORTED", REFUSED),
    (r"TIMEOUT", HANGING),
    (r"CONNECTION_CLOSED|SOCKET_CLOSED|PROTOCOL_ERROR|SERVER_CLOSED|CONNECTION_MANAGER|Incomplete", CUT),
    (r"SlowDown|InternalError|ServiceUnavailable|Throttl|INTERNAL_ERROR|response status (code )?5\d\d", BUSY),
)
"""Patterns in the text of the connector's exception; it raises the same exception for every problem."""


class TorchClient:
    """Data sets over the prefixes of one bucket, created on first use."""

    def __init__(self, settings: Settings) -> None:
        import s3torchconnector  # noqa: F401  # here, so that the time limit of a request does not include the import

        self._settings = settings
        self._lock = threading.Lock()
        self._known: dict[str, tuple[S3MapDataset, int]] = {}

    def listing(self, prefix: str) -> list[Entry]:
        """Every object whose key starts with `prefix`, sorted by key."""
        return sorted(self._limited(lambda: self._index(prefix), 0), key=lambda entry: entry.name)

    def read(self, key: str, start: int, stop: int | None) -> Readable:
        """The bytes from `start` up to, but not including, `stop`; None means the whole object."""
        if key not in self._known:
            self.listing(key)
        if key not in self._known:
            raise StoreProblem(NO_OBJECT)
        dataset, number = self._known[key]
        reader: S3Reader = dataset[number]
        end = reader.seek(0, 2) if stop is None else stop

        def fetch() -> bytearray:
            content = bytearray(end - start)
            reader.seek(start)
            reader.readinto(content)
            if reader.tell() != end:
                raise StoreProblem(CUT)
            return content

        return memoryview(self._limited(fetch, end - start))

    def _index(self, prefix: str) -> list[Entry]:
        from s3torchconnector import S3ClientConfig, S3MapDataset, S3ReaderConstructor

        settings = self._settings
        dataset = S3MapDataset.from_prefix(
            f"s3://{settings.bucket}/{prefix}",
            region=settings.region,
            endpoint=settings.endpoint,
            s3client_config=S3ClientConfig(force_path_style=settings.path_style, max_attempts=1),
            reader_constructor=S3ReaderConstructor.range_based(buffer_size=0),
        )
        entries = []
        for number in range(len(dataset)):
            reader = dataset[number]
            entries.append(Entry(reader.key, reader.seek(0, 2)))
            with self._lock:
                self._known[reader.key] = dataset, number
        return entries

    def _limited(self, ask: Callable[[], Answer], size: int) -> Answer:
        from s3torchconnector import S3Exception

        answers: list[Answer] = []
        failures: list[BaseException] = []

        def work() -> None:
            try:
                answers.append(ask())
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        thread.join(self._settings.retries.answer_s + size / SLOWEST_BYTES_PER_S)
        if thread.is_alive():
            raise StoreProblem(HANGING)
        if answers:
            return answers[0]
        if isinstance(failures[0], S3Exception):
            raise problem_from_text(str(failures[0])) from None
        raise failures[0]


def problem_from_text(text: str) -> StoreProblem:
    """The problem that the text of the connector's exception describes."""
    return StoreProblem(next((kind for pattern, kind in PATTERNS if re.search(pattern, text)), ODD))
