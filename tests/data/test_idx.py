"""IDX: round trips of every type and shape, and files that are not what they say."""

from __future__ import annotations

import gzip
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from manyhands.data.idx import TYPES, read_header, read_idx, write_idx
from manyhands.errors import DataError

TEN_BYTES = bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])
ANY_ARRAY = st.sampled_from(sorted(TYPES.values())).flatmap(
    lambda dtype: hnp.arrays(np.dtype(dtype), hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4))
)


def header(code: int, *shape: int) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape)


def same(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    return found.dtype == expected.dtype and found.shape == expected.shape and found.tobytes() == expected.tobytes()


def test_reads_a_file_of_ten_bytes(tmp_path: Path) -> None:
    path = tmp_path / "ten"
    path.write_bytes(TEN_BYTES)
    assert read_idx(path).tolist() == [7, 9]
    assert read_idx(TEN_BYTES).tolist() == [7, 9]
    assert read_idx(gzip.compress(TEN_BYTES)).tolist() == [7, 9]
    assert read_header(path).shape == (2,)


@pytest.mark.parametrize(
    ("code", "items", "expected"),
    [
        (0x08, b"\xff", 255),
        (0x09, b"\xff", -1),
        (0x0B, b"\xff\xfe", -2),
        (0x0C, b"\x00\x01\x00\x00", 65536),
        (0x0D, b"\x3f\x80\x00\x00", 1.0),
        (0x0E, b"\xc0\x00" + bytes(6), -2.0),
    ],
)
def test_reads_each_type_big_endian(code: int, items: bytes, expected: float) -> None:
    assert read_idx(header(code) + items) == expected
    assert read_idx(header(code, 1, 1) + items).tolist() == [[expected]]


@pytest.mark.parametrize("name", ["set-ubyte", "set-ubyte.gz"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(array=ANY_ARRAY)
def test_gives_back_what_was_written(tmp_path: Path, name: str, array: NDArray[Any]) -> None:
    path = tmp_path / name
    write_idx(path, array)
    assert same(read_idx(path), array)
    assert same(read_idx(path.read_bytes()), array)
    assert (read_header(path).dtype, read_header(path).shape) == (array.dtype, array.shape)
    write_idx(path, array.astype(array.dtype.newbyteorder("<")))
    assert same(read_idx(path), array)


def test_writes_arrays_that_are_not_contiguous(tmp_path: Path) -> None:
    array = np.arange(24, dtype=np.int32).reshape(2, 3, 4).T[::2]
    write_idx(tmp_path / "set", array)
    assert np.array_equal(read_idx(tmp_path / "set"), array)


def test_writes_the_same_gzip_bytes_each_time(tmp_path: Path) -> None:
    for name in ("one.gz", "two.gz"):
        write_idx(tmp_path / name, np.arange(1000, dtype=np.int16))
    assert (tmp_path / "one.gz").read_bytes() == (tmp_path / "two.gz").read_bytes()


def test_maps_a_plain_file_without_copying_it(tmp_path: Path) -> None:
    write_idx(tmp_path / "large", np.zeros((4, 1 << 20), np.uint8))
    assert peak_bytes(lambda: read_idx(tmp_path / "large")) < 100_000
    array = read_idx(tmp_path / "large")
    with pytest.raises(ValueError, match="read-only"):
        array[0, 0] = 1


def test_tells_gzip_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "named-plain").write_bytes(gzip.compress(TEN_BYTES))
    (tmp_path / "named.gz").write_bytes(TEN_BYTES)
    assert read_idx(tmp_path / "named-plain").tolist() == read_idx(tmp_path / "named.gz").tolist() == [7, 9]


def test_reads_several_gzip_members_as_one_file() -> None:
    whole = header(0x08, 300) + bytes(range(200)) + bytes(100)
    assert same(read_idx(gzip.compress(whole[:150]) + gzip.compress(whole[150:])), read_idx(whole))


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "truncated"),
        (b"\0\0\x08", "truncated"),
        (b"\0\0\x08\2\0\0\0\1", "truncated: the header ends before its 2 dimensions"),
        (TEN_BYTES[:-1], "truncated: the header says uint8 of shape"),
        (TEN_BYTES + b"!", "too long"),
        (b"\0\1" + TEN_BYTES[2:], "not an IDX file"),
        (b"\0\0\x0a" + TEN_BYTES[3:], "not an IDX file"),
        (b"Date,Symbol", "not an IDX file"),
        (header(0x08, *[1] * 65) + b"!", "65 dimensions; at most 64"),
        (header(0x0E, *[2**32 - 1] * 3), "larger than any array"),
        (header(0x0E, *[2**32 - 1] * 40, 0), "larger than any array"),
        (header(0x0E, 2**30, 2**20), "truncated|more than .* compressed bytes can hold"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, pack: Any, content: bytes, problem: str) -> None:
    path = tmp_path / "bad"
    path.write_bytes(pack(content))
    with pytest.raises(DataError, match=problem) as error:
        read_idx(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    with pytest.raises(DataError, match=problem):
        read_idx(pack(content))


def test_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*absent"):
        read_idx(tmp_path / "absent")
    with pytest.raises(DataError, match="cannot read"):
        read_idx(tmp_path)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda packed: packed[:-9], "truncated gzip"),
        (lambda packed: packed[:-1], "truncated gzip"),
        (lambda packed: packed[:12], "truncated"),
        (lambda packed: packed[:-8] + b"\0\0\0\0" + packed[-4:], "damaged gzip"),
        (lambda packed: packed + b"more", "4 bytes that are not gzip follow"),
        (lambda packed: packed + gzip.compress(b"!"), "too long"),
        (lambda packed: packed + packed[:10], "truncated gzip"),
        (lambda packed: packed[:10] + b"\xff" * 20, "damaged gzip"),
    ],
)
def test_says_what_is_wrong_with_a_gzip_file(damage: Any, problem: str) -> None:
    packed = gzip.compress(header(0x08, 500) + np.random.default_rng(0).bytes(500))
    with pytest.raises(DataError, match=problem):
        read_idx(damage(packed))


@given(start=st.sampled_from([b"", b"\0\0", b"\0\0\x08", b"\0\0\x0e\x02"]), rest=st.binary(max_size=80), packed=st.booleans())
def test_random_headers_give_an_array_or_a_clear_error(start: bytes, rest: bytes, packed: bool) -> None:
    content = start + rest
    try:
        array = read_idx(gzip.compress(content) if packed else content)
    except DataError as error:
        assert "\n" not in str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert content.endswith(array.tobytes())


@given(position=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_changed_byte_in_gzip_never_gives_other_items(position: int, value: int) -> None:
    whole = header(0x08, 200) + bytes(range(200))
    packed = bytearray(gzip.compress(whole, mtime=0))
    packed[position % len(packed)] = value
    try:
        array = read_idx(bytes(packed))
    except DataError:
        return
    assert array.tobytes() == bytes(range(200))


def peak_bytes(call: Any) -> int:
    """The most that was allocated at once while `call` ran, which may raise DataError."""
    tracemalloc.start()
    try:
        call()
    except DataError:
        pass
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return peak


@pytest.mark.parametrize(
    "content",
    [
        header(0x08, 2**31) + b"few",
        header(0x0E, 2**20, 2**20, 2**10),
        gzip.compress(header(0x08, 2**31) + b"few"),
        gzip.compress(header(0x08, 50_000_000) + np.random.default_rng(0).bytes(60_000)),
        gzip.compress(header(0x08, 10) + bytes(100_000_000)),
    ],
    ids=["plain", "plain, three dimensions", "gzip", "gzip, claim within reach", "gzip bomb"],
)
def test_allocates_what_there_is_not_what_is_claimed(content: bytes) -> None:
    with pytest.raises(DataError):
        read_idx(content)
    assert peak_bytes(lambda: read_idx(content)) < 1_000_000


@pytest.mark.parametrize("dtype", ["int64", "float16", "bool", "complex128", "U3"])
def test_refuses_types_that_idx_does_not_have(tmp_path: Path, dtype: str) -> None:
    with pytest.raises(DataError, match=r"IDX has no type for .*use one of 0x08 uint8"):
        write_idx(tmp_path / "set", np.zeros(3, dtype))
    assert not list(tmp_path.iterdir())


def test_refuses_a_dimension_that_idx_cannot_count(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not fit IDX"):
        write_idx(tmp_path / "set", np.empty((0, 2**32), np.uint8))
