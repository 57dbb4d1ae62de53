"""The place of data or of a model, as given on the command line: `s3://bucket/prefix`, `http(s)://host/path` or a local path.

The place appears in records and messages. So an address with a password is refused, and the error message does not repeat it.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from manyhands.errors import UsageError

S3 = "s3"
WEB = ("http", "https")
FILE = "file"


@dataclass(frozen=True)
class Location:
    """A place; names of files can be added to it."""

    scheme: str
    """`s3`, `http`, `https` or `file`."""
    root: str
    """The bucket, or scheme and host for http(s); empty for a local path."""
    path: str
    """The prefix or key without a slash at either end, the path on the host, or the local path as given."""

    def __str__(self) -> str:
        return self.of("")

    def key(self, name: str) -> str:
        """The complete key or path of `name`; an empty `name` means the location itself."""
        return f"{self.path}/{name}" if self.path and name else self.path or name

    def of(self, name: str) -> str:
        """The address of `name` at this location, as a user writes it; terminal control characters are escaped."""
        key = printable(self.key(name))
        return {S3: f"s3://{self.root}/{key}".rstrip("/"), FILE: key}.get(self.scheme, f"{self.root}/{quote(key)}")


def is_remote(text: str) -> bool:
    """True when `text` is a bucket or a web address, not a local path."""
    return text.lower().startswith((f"{S3}://", *(f"{scheme}://" for scheme in WEB)))


def locate(text: str) -> Location:
    """The location that `text` names; raises UsageError for an address without bucket or host, or with a password or query."""
    if not is_remote(text):
        if "://" in text:
            raise UsageError(
                f"{printable(text.partition('://')[0])}:// is not a known kind of address; use s3://, http(s):// or a path"
            )
        return Location(FILE, "", text)
    scheme, _, rest = text.partition("://")
    host, _, path = rest.partition("/")
    if "@" in host or (scheme.lower() in WEB and ("?" in path or "?" in host)):
        raise UsageError(
            f"a {scheme.lower()}:// address with a password or a query in it would be kept in records;"
            " credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    if not host:
        raise UsageError(
            f"{printable(text)} names no {'bucket' if scheme.lower() == S3 else 'host'}; use for example {EXAMPLES[scheme.lower()]}"
        )
    if scheme.lower() == S3:
        return Location(S3, host, path.strip("/"))
    _check_host(f"{scheme}://{host}")
    return Location(scheme.lower(), f"{scheme.lower()}://{host}", unquote(path.strip("/")))


EXAMPLES = {S3: "s3://bucket/prefix", "http": "http://host/folder", "https": "https://host/folder"}


def _check_host(address: str) -> None:
    try:
        good = bool(urlsplit(address).hostname) and urlsplit(address).port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(f"{printable(address)} has no valid host and port; use for example http://127.0.0.1:9000")


def printable(text: str) -> str:
    """`text` with control characters escaped, because keys come from other people and some characters control a terminal."""
    return "".join(character if character.isprintable() else character.encode("unicode_escape").decode() for character in text)
