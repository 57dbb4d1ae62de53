"""LIBSVM text: what it says, and one clear line for what it should not say."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from manyhands.data.libsvm import feature_names, is_libsvm, read_libsvm
from manyhands.errors import DataError

TEXT = b"1 1:0.5 3:2 # first\n\n0 2:-1\n"


def test_reads_rows_plain_and_compressed(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(TEXT)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(TEXT))
    for name in ("plain", "packed.gz"):
        x, y, first = read_libsvm(tmp_path / name)
        assert np.array_equal(x, np.array([[0.5, 0, 2], [0, -1, 0]], np.float32))
        assert y.tolist() == [1, 0]
        assert first == 1
    assert read_libsvm(tmp_path / "plain", features=5)[0].shape == (2, 5)
    assert feature_names(2) == ("f1", "f2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1 1:1\n0 4:1\n", r"data row 2 has index 4, which is not in 1\.\.3"),
        (b"1 0:1\n0 3:1\n", r"data row 2 has index 3, which is not in 0\.\.2"),
        (b"1 1:1\n0 -2:1\n", r"data row 2 has index -2"),
        (b"1 2:1 1:1\n", r"data row 1 has index 1 after 2; indices ascend"),
        (b"1 2:1 two:1\n", r"data row 1 has 'two:1', which is not index:value"),
        (b"1 2:1 2\n", r"data row 1 has '2', which is not index:value"),
        (b"one 2:1\n", "could not convert"),
        (b"1 1:nan\n", "data row 1 holds no finite number"),
        (b"", "no data rows"),
    ],
)
def test_says_which_row_is_wrong(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "bad.libsvm"
    path.write_bytes(text)
    with pytest.raises(DataError, match=message) as caught:
        read_libsvm(path, features=3)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_says_that_a_file_is_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file"):
        read_libsvm(tmp_path / "none")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(TEXT)[:-10])
    with pytest.raises(DataError, match="damaged"):
        read_libsvm(tmp_path / "cut.gz")
    (tmp_path / "cut.xz").write_bytes(lzma.compress(TEXT)[:-10] + bytes(10))
    with pytest.raises(DataError, match="damaged"):
        read_libsvm(tmp_path / "cut.xz")


def test_columns_that_count_from_0_are_read_so(tmp_path: Path) -> None:
    path = tmp_path / "zero.libsvm"
    path.write_bytes(b"1 1:1 # 0:9 is a comment\n0 0:5 2:7\n")
    x, _, first = read_libsvm(path)
    assert x.tolist() == [[0, 1, 0], [5, 0, 7]]
    assert first == 0
    path.write_bytes(b"1 1:1\n")
    assert read_libsvm(path, 3, first)[0].tolist() == [[0, 1, 0]], "held-out rows count as the training rows do"
    path.write_bytes(b"1 0:1\n")
    with pytest.raises(DataError, match=r"data row 1 has index 0, which is not in 1\.\.3"):
        read_libsvm(path, 3, 1)


def test_one_high_index_is_a_line_about_memory(tmp_path: Path) -> None:
    path = tmp_path / "high.libsvm"
    path.write_bytes(b"1 1:1\n0 100000000:1\n" * 1000)
    with pytest.raises(DataError, match=r"2000 rows x 100000000 columns need 745.1 GiB .*the highest index is 100000000"):
        read_libsvm(path)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [(TEXT, True), (b"# made\n+1 3:1 11:-1.5e-3\n", True), (b"a,b\n1,2\n", False), (b"12:30:01 4\n", False), (b"", False)],
)
def test_first_row_shows_libsvm(tmp_path: Path, text: bytes, is_one: bool) -> None:
    for name, content in (("plain", text), ("packed", gzip.compress(text)), ("xz", lzma.compress(text))):
        (tmp_path / name).write_bytes(content)
        assert is_libsvm(tmp_path / name) == is_one
    assert not is_libsvm(tmp_path / "none")
