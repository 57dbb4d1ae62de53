"""Addresses: what they mean, what is refused, and that no password is repeated."""

from __future__ import annotations

import pytest

from manyhands.data.store.location import Location, is_remote, locate, printable
from manyhands.errors import UsageError


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("s3://data", Location("s3", "data", "")),
        ("s3://data/mnist/", Location("s3", "data", "mnist")),
        ("S3://data/a/b.pt", Location("s3", "data", "a/b.pt")),
        ("http://127.0.0.1:80/a%20b/", Location("http", "http://127.0.0.1:80", "a b")),
        ("https://host", Location("https", "https://host", "")),
        ("some/folder", Location("file", "", "some/folder")),
    ],
)
def test_an_address_is_scheme_root_and_path(text: str, location: Location) -> None:
    assert locate(text) == location
    assert is_remote(text) == (location.scheme != "file")


def test_names_are_added_as_keys() -> None:
    assert locate("s3://data").key("a/b") == "a/b"
    assert locate("s3://data/mnist").key("a") == "mnist/a"
    assert locate("s3://data/mnist").key("") == "mnist"
    assert locate("s3://data/mnist").of("a") == "s3://data/mnist/a"
    assert str(locate("s3://data")) == "s3://data"
    assert locate("http://host/x y").of("a b") == "http://host/x%20y/a%20b"


@pytest.mark.parametrize("text", ["s3://", "s3:///key", "http:///x", "http://:80/x", "http://h:99999/x", "ftp://host/x"])
def test_an_address_without_bucket_or_host_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="use"):
        locate(text)


@pytest.mark.parametrize(
    "text", ["s3://KEY:hidden@data/x", "https://user:hidden@host/x", "https://host/x?X-Amz-Signature=hidden", "http://h?hidden"]
)
def test_an_address_with_a_password_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError) as error:
        locate(text)
    assert "hidden" not in str(error.value)


def test_what_a_terminal_would_obey_is_escaped() -> None:
    assert printable("a\x1b[31mb\nä") == "a\\x1b[31mb\\nä"
    assert locate("s3://data").of("\x1b]0;x\x07") == "s3://data/\\x1b]0;x\\x07"
