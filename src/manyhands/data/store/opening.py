"""Opens the store at an address from the command line."""

from __future__ import annotations

from manyhands.data.store.base import Store
from manyhands.data.store.location import FILE, S3, Location, locate
from manyhands.data.store.retries import RetryPolicy, Tell, tell_log
from manyhands.errors import unknown
from manyhands.machine import require_libraries
from manyhands.plan import READERS


def open_store(text: str, reader: str = READERS[0], retries: RetryPolicy | None = None, tell: Tell = tell_log) -> Store:
    """The store at `text`. It is cheap: no request is made yet. Call it in the process that uses the store.

    `tell` is called with a line for every wait; by default the line goes to the run's output. Raises UsageError for an invalid
    address or an unknown reader, Unavailable when the reader's library is missing.
    """
    location = locate(text)
    retries = retries or RetryPolicy.from_environment()
    if location.scheme == FILE:
        from manyhands.data.store.local import LocalStore

        return LocalStore(location, retries, tell)
    if location.scheme == S3:
        require_reader(location, reader)
        from manyhands.data.store.bucket import BucketStore

        return BucketStore(location, reader, retries, tell)
    from manyhands.data.store.web import WebStore

    return WebStore(location, retries, tell)


def require_reader(location: Location, reader: str) -> None:
    """Raises Unavailable with the install command when the location is a bucket and the library that reads it is missing."""
    if location.scheme != S3:
        return
    if reader not in READERS:
        raise unknown("reader", reader, READERS, "manyhands run --help")
    require_libraries("a bucket", [reader, *(["boto3"] if reader != "boto3" else [])], "s3")
