"""A store in a bucket: the chosen library reads; boto3 writes, removes and reads the details of objects."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from manyhands.credentials import take_credentials
from manyhands.data.inflate import Readable
from manyhands.data.store.base import Entry, Store
from manyhands.data.store.failure import NO_BUCKET, StoreProblem
from manyhands.data.store.location import Location
from manyhands.data.store.retries import RetryPolicy, Tell
from manyhands.data.store.settings import Settings, settings_of

if TYPE_CHECKING:
    from manyhands.data.store.s3_boto3 import Boto3Client


class Reader(Protocol):
    """The two methods that a library must offer to a store. Both raise StoreProblem."""

    def listing(self, prefix: str) -> list[Entry]: ...

    def read(self, key: str, start: int, stop: int | None) -> Readable: ...


def client_of(name: str, settings: Settings) -> Reader:
    """A client of the library of this name; only that library is imported. Raises StoreProblem without credentials."""
    take_credentials()
    if name == "boto3":
        from manyhands.data.store.s3_boto3 import Boto3Client

        return Boto3Client(settings)
    if name == "s3torchconnector":
        from manyhands.data.store.s3_torch import TorchClient

        return TorchClient(settings)
    from manyhands.data.store.s3_obstore import ObstoreClient

    return ObstoreClient(settings)


class BucketStore(Store):
    """Objects below a prefix of one bucket. Clients are created on first use, in the process that uses them."""

    def __init__(self, location: Location, reader: str, retries: RetryPolicy, tell: Tell) -> None:
        super().__init__(location, retries, tell)
        self.settings = settings_of(location.root, retries)
        self._reader_name = reader
        self._making = threading.Lock()

    @property
    def endpoint(self) -> str:
        return self.settings.asked

    @property
    def reader(self) -> Reader:
        """The client that reads; all threads share it."""
        with self._making:
            return self._reader

    @cached_property
    def _reader(self) -> Reader:
        return client_of(self._reader_name, self.settings)

    @cached_property
    def owner(self) -> Boto3Client:
        """The client that also writes."""
        from manyhands.data.store.s3_boto3 import Boto3Client

        take_credentials()
        return Boto3Client(self.settings)

    def prepare_writing(self) -> None:
        """Creates a missing bucket in a store other than AWS, and reports it; at AWS the bucket must exist."""

        def prepare() -> None:
            if self.owner.has_bucket():
                return
            if self.settings.endpoint is None:
                raise StoreProblem(NO_BUCKET)
            self.owner.make_bucket()
            self.tell(f"made the bucket {self.location.root} at {self.endpoint}")

        self._ask("", prepare)

    def _listing(self) -> list[Entry]:
        prefix = f"{self.location.path}/" if self.location.path else ""
        # obstore drops the final slash, which marks an empty folder; the marker then has no name below the prefix
        entries = [entry for entry in self.reader.listing(prefix) if entry.name.startswith(prefix) and entry.name != prefix]
        return [Entry(entry.name.removeprefix(prefix), entry.size) for entry in entries]

    def _read(self, name: str, start: int, stop: int | None) -> Readable:
        return self.reader.read(self.location.key(name), start, stop)

    def _write(self, name: str, content: Readable) -> None:
        self.owner.write(self.location.key(name), content)

    def _delete(self, name: str) -> None:
        self.owner.delete(self.location.key(name))
