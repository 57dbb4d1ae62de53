"""Settings of a bucket's client: endpoint and region from AWS's usual variables, and the form of the bucket's address.

The libraries find the credentials themselves: in the environment, in profiles or in the machine's role.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from manyhands.data.store.retries import RetryPolicy
from manyhands.errors import UsageError

ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
REGION = "us-east-1"


@dataclass(frozen=True)
class Settings:
    """The settings of a bucket's client, without credentials."""

    bucket: str
    endpoint: str | None
    """Scheme, host and port of a store other than AWS; None means AWS."""
    region: str
    retries: RetryPolicy
    certificates: Path | None = None
    """A file of certificates from AWS_CA_BUNDLE, trusted in addition to the system's."""

    @property
    def path_style(self) -> bool:
        """True when the bucket is part of the path. At AWS it is part of the host name; other stores seldom support that."""
        return self.endpoint is not None or "." in self.bucket

    @property
    def asked(self) -> str:
        """The endpoint, for messages."""
        return self.endpoint or f"AWS {self.region}"


def settings_of(bucket: str, retries: RetryPolicy, environ: Mapping[str, str] = os.environ) -> Settings:
    """Endpoint and region from the environment; raises UsageError, which does not quote the endpoint, when it is invalid."""
    endpoint = next((environ[name] for name in ENDPOINTS if environ.get(name)), None)
    if endpoint:
        endpoint = endpoint.rstrip("/")
        if not _is_plain(endpoint):
            raise UsageError("AWS_ENDPOINT_URL is not of the form http(s)://HOST[:PORT], without a password; correct it")
    region = next((environ[name] for name in REGIONS if environ.get(name)), REGION)
    bundle = environ.get("AWS_CA_BUNDLE")
    return Settings(bucket, endpoint, region, retries, Path(bundle) if bundle else None)


def _is_plain(endpoint: str) -> bool:
    try:
        parts = urlsplit(endpoint)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and "@" not in parts.netloc
            and not parts.query
        )
    except ValueError:
        return False
