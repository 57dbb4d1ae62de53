"""A bucket through obstore, the Rust object store of the Arrow project: the reader that starts and reads fastest.

Over plain http obstore only lists and signs, and `s3_plain` reads. obstore finds credentials in environment variables itself;
profiles and roles need boto3, which is imported only then.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from manyhands.data.inflate import Readable
from manyhands.data.store.base import Entry
from manyhands.data.store.failure import CUT, HANGING, NO_CREDENTIALS, NO_OBJECT, ODD, REFUSED, StoreProblem, of_answer
from manyhands.data.store.s3_plain import PlainReader, can_read_plainly
from manyhands.data.store.settings import Settings
from manyhands.errors import DataError

if TYPE_CHECKING:
    from obstore.store import ClientConfig

CODE = re.compile(r"<Code>(\w+)</Code>")
STATUS = re.compile(r"status(?: code)?: (\d{3})")
KINDS = {"Connect": REFUSED, "Timeout": HANGING, "Interrupted": CUT, "Decode": CUT, "Request": CUT}
KIND = re.compile(rf"kind: ({'|'.join(KINDS)})\b")
SIGNED_FOR = timedelta(minutes=15)
"""The validity of a signed address: the largest clock difference that S3 allows. The address is only sent in the request."""
NO_RETRIES: dict[str, Any] = {"max_retries": 0, "retry_timeout": timedelta(seconds=1)}


class ObstoreClient:
    """One connection pool to one bucket. obstore's own retries are off: `RetryPolicy` repeats requests and reports it."""

    def __init__(self, settings: Settings) -> None:
        from obstore.store import S3Store

        retries = settings.retries
        self._plain = PlainReader(settings) if can_read_plainly(settings) else None
        options: ClientConfig = {
            "allow_http": True,
            "connect_timeout": timedelta(seconds=retries.connect_s),
            "read_timeout": timedelta(seconds=retries.answer_s),
            "timeout": timedelta(days=1),  # limit of a whole request; a slow request is fine as long as bytes arrive
        }
        if settings.certificates:
            options["root_certificate"] = _certificates(settings)
        named: dict[str, Any] = {"endpoint": settings.endpoint} if settings.endpoint else {}
        if not os.environ.get("AWS_ACCESS_KEY_ID"):
            named["credential_provider"] = _from_boto3()
        with problems():
            self._store = S3Store(
                settings.bucket,
                region=settings.region,
                virtual_hosted_style_request=not settings.path_style,
                client_options=options,
                retry_config=NO_RETRIES,  # type: ignore[arg-type]  # a TypedDict that exists for type checkers alone
                **named,
            )

    def listing(self, prefix: str) -> list[Entry]:
        """Every object below the folder `prefix`, sorted by key; obstore removes a slash at the end of a key."""
        import obstore

        with problems():
            found = obstore.list(self._store, prefix).collect()
        return sorted((Entry(item["path"], item["size"]) for item in found), key=lambda entry: entry.name)

    def read(self, key: str, start: int, stop: int | None) -> Readable:
        """The bytes from `start` up to, but not including, `stop`, without a copy; None means the whole object."""
        import obstore

        if self._plain:
            with problems():
                address = obstore.sign(self._store, "GET", key, SIGNED_FOR)
            return self._plain.read(address, start, stop)
        with problems():
            if stop is None:
                return memoryview(obstore.get(self._store, key).bytes())
            return memoryview(obstore.get_range(self._store, key, start=start, end=stop))


def _certificates(settings: Settings) -> bytes:
    try:
        return settings.certificates.read_bytes() if settings.certificates else b""
    except OSError as error:
        raise DataError(f"cannot read {settings.certificates}, which AWS_CA_BUNDLE names: {error.strerror}") from None


def _from_boto3() -> Any:
    """A provider that finds credentials in profiles, roles and containers, and renews them."""
    import boto3.session
    from obstore.auth.boto3 import Boto3CredentialProvider

    from manyhands.data.store.s3_boto3 import problems as boto3_problems

    with boto3_problems():
        session = boto3.session.Session()
        if session.get_credentials() is None:
            raise StoreProblem(NO_CREDENTIALS)
        return Boto3CredentialProvider(session)


@contextmanager
def problems() -> Iterator[None]:
    """Turns obstore's exceptions into a StoreProblem, by the codes in their text, which is long and quotes the server."""
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, FileNotFoundError, PermissionError, OSError, ValueError) as error:
        raise problem_from_text(str(error)) from None


def problem_from_text(text: str) -> StoreProblem:
    """The problem that the text of an obstore exception describes."""
    code, status, kind = (pattern.search(text) for pattern in (CODE, STATUS, KIND))
    if code or status:
        return of_answer(code[1] if code else None, int(status[1]) if status else None)
    if kind:
        return StoreProblem(KINDS[kind[1]])
    return StoreProblem(NO_OBJECT if "NotFound" in text else ODD)
