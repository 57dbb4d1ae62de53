"""LIBSVM text: what it says, and one clear line for what it should not say."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from manyhands.data.libsvm import feature_names, read_libsvm
from manyhands.errors import DataError

TEXT = b"1 1:0.5 3:2 # first\n\n0 2:-1\n"


def test_reads_rows_plain_and_compressed(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(TEXT)
    (tmp_path / "packed.gz").write_bytes(gzip.compress(TEXT))
    for name in ("plain", "packed.gz"):
        x, y = read_libsvm(tmp_path / name)
        assert np.array_equal(x, np.array([[0.5, 0, 2], [0, -1, 0]], np.float32))
        assert y.tolist() == [1, 0]
    assert read_libsvm(tmp_path / "plain", features=5)[0].shape == (2, 5)
    assert feature_names(2) == ("f1", "f2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"1 1:1\n0 4:1\n", r"data row 2 has index 4, which is not in 1\.\.3"),
        (b"1 1:1\n0 0:1\n", r"data row 2 has index 0, which is not in 1\.\.3"),
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
