"""A bucket through boto3, AWS's own library: reads, writes and removes objects, and reads their details."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from manyhands.data.inflate import Readable
from manyhands.data.store.base import Entry
from manyhands.data.store.failure import (
    CUT,
    DENIED,
    HANGING,
    NO_BUCKET,
    NO_CREDENTIALS,
    NO_OBJECT,
    ODD,
    REFUSED,
    StoreProblem,
    of_answer,
)
from manyhands.data.store.settings import REGION, Settings

CONNECTIONS = 16


class Boto3Client:
    """One connection pool to one bucket. boto3's own retries are off: `RetryPolicy` repeats requests and reports it."""

    def __init__(self, settings: Settings) -> None:
        import boto3.session
        from botocore.config import Config

        self.bucket = settings.bucket
        self._settings = settings
        with problems():
            self.raw: Any = boto3.session.Session().client(
                "s3",
                endpoint_url=settings.endpoint,
                region_name=settings.region,
                config=Config(
                    connect_timeout=settings.retries.connect_s,
                    read_timeout=settings.retries.answer_s,
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path" if settings.path_style else "virtual"},
                    max_pool_connections=CONNECTIONS,
                ),
            )

    def listing(self, prefix: str) -> list[Entry]:
        """Every object whose key starts with `prefix`, sorted by key."""
        with problems():
            pages = self.raw.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
            return [Entry(found["Key"], found["Size"]) for page in pages for found in page.get("Contents", ())]

    def read(self, key: str, start: int, stop: int | None) -> Readable:
        """The bytes from `start` up to, but not including, `stop`; None means the whole object."""
        span = {} if stop is None else {"Range": f"bytes={start}-{stop - 1}"}
        with problems():
            content: bytes = self.raw.get_object(Bucket=self.bucket, Key=key, **span)["Body"].read()
            return content

    def details(self, key: str) -> dict[str, Any]:
        """The store's details of an object: `ContentLength`, `ETag`, `Metadata` and more."""
        with problems(absent=NO_OBJECT):
            found: dict[str, Any] = self.raw.head_object(Bucket=self.bucket, Key=key)
            return found

    def write(self, key: str, content: Readable) -> None:
        """Writes the complete object: a store shows an object only after all of it has arrived."""
        with problems():
            self.raw.put_object(Bucket=self.bucket, Key=key, Body=bytes(content))

    def delete(self, key: str) -> None:
        """Removes the object if it exists."""
        with problems():
            self.raw.delete_object(Bucket=self.bucket, Key=key)

    def has_bucket(self) -> bool:
        """True when the bucket exists."""
        try:
            with problems(absent=NO_BUCKET):
                self.raw.head_bucket(Bucket=self.bucket)
        except StoreProblem as problem:
            if problem.kind == NO_BUCKET:
                return False
            raise
        return True

    def make_bucket(self) -> None:
        """Creates the bucket; it is private, the default of stores."""
        place = {"CreateBucketConfiguration": {"LocationConstraint": self._settings.region}}
        with problems():
            self.raw.create_bucket(Bucket=self.bucket, **(place if self._settings.region != REGION else {}))


@contextmanager
def problems(absent: str = "") -> Iterator[None]:
    """Turns boto3's exceptions into a StoreProblem. `absent`: the meaning of a 404 without a code, as HEAD requests return it."""
    from botocore import exceptions as known
    from botocore.parsers import ResponseParserError

    try:
        yield
    except known.ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if absent and code in ("404", "NotFound"):
            raise StoreProblem(absent) from None
        raise of_answer(None if code.isdecimal() else code, status) from None
    except (known.NoCredentialsError, known.PartialCredentialsError, known.CredentialRetrievalError):
        raise StoreProblem(NO_CREDENTIALS) from None
    except known.ProfileNotFound:
        raise StoreProblem(NO_CREDENTIALS, "no such profile") from None
    except (known.ConnectTimeoutError, known.ReadTimeoutError):
        raise StoreProblem(HANGING) from None
    except (known.IncompleteReadError, known.ResponseStreamingError, known.ConnectionClosedError, known.ChecksumError):
        raise StoreProblem(CUT) from None
    except known.SSLError:
        raise StoreProblem(ODD, "TLS") from None
    except (known.EndpointConnectionError, known.HTTPClientError):
        raise StoreProblem(REFUSED) from None
    except known.ParamValidationError:
        raise StoreProblem(ODD, "the name is not allowed") from None
    except ResponseParserError:
        raise StoreProblem(ODD, "no answer of a store") from None
    except known.BotoCoreError:
        raise StoreProblem(DENIED, "signing") from None
