"""Bounded decompression."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.data.inflate import inflate, inflate_start, is_gzip, most_inflated, open_gzip
from manyhands.errors import DataError


@given(st.lists(st.binary(max_size=300), min_size=1, max_size=3))
def test_gives_what_the_members_hold_together(members: list[bytes]) -> None:
    whole = b"".join(members)
    assert inflate("x", b"".join(gzip.compress(member) for member in members), len(whole)) == whole


@given(st.binary(max_size=300), st.integers(0, 300))
def test_gives_at_most_one_byte_more_than_expected(content: bytes, expected_bytes: int) -> None:
    assert inflate("x", gzip.compress(content), expected_bytes) == content[: expected_bytes + 1]
    assert inflate_start("x", gzip.compress(content), expected_bytes + 1) == content[: expected_bytes + 1]


def test_names_the_file_that_is_damaged() -> None:
    for call in (inflate, inflate_start):
        with pytest.raises(DataError, match=r"^name: damaged gzip"):
            call("name", b"\x1f\x8b\x08\0\0\0\0\0\0\0" + b"\xff" * 9, 100)


def test_nothing_inflates_more_than_the_bound() -> None:
    zeros = bytes(10_000_000)
    assert len(zeros) <= most_inflated(len(gzip.compress(zeros)))


def test_tells_gzip_by_two_bytes() -> None:
    assert is_gzip(gzip.compress(b""))
    assert not is_gzip(b"\x1f")


def test_streams_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(gzip.compress(b"content"))
    with open_gzip(tmp_path / "file") as stream:
        assert stream.read() == b"content"


def test_padding_with_zeros_is_no_damage_and_other_bytes_are() -> None:
    assert inflate("x", gzip.compress(b"content") + bytes(512), 7) == b"content"
    with pytest.raises(DataError, match="1 bytes that are not gzip follow"):
        inflate("x", gzip.compress(b"content") + b"x", 7)
