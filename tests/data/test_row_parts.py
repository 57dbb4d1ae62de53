"""Rows in parts: the same rows whole, cut short, picked out, and hashed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhands.data.row_parts import PART_BYTES, Part, Rows, part_rows, rows_stored, write_part
from manyhands.errors import DataError

X = np.arange(30, dtype=np.float64).reshape(10, 3)
Y = np.arange(10, dtype=np.int32)


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    parts = tuple(write_part(tmp_path, f"p{start}", X[start : start + 4], Y[start : start + 4]) for start in (0, 4, 8))
    return Rows(parts, ("a", "b", "c"), "float64")


def test_reads_all_parts_in_order(rows: Rows) -> None:
    assert len(rows) == 10
    assert rows.bytes == X.nbytes
    assert np.array_equal(rows.read_x(), X)
    assert np.array_equal(rows.read_y(), Y)


@pytest.mark.parametrize("count", [1, 4, 5, 10, 99])
def test_the_first_rows_are_a_part_of_more(rows: Rows, count: int) -> None:
    first = rows.first(count)
    assert np.array_equal(first.read_x(), X[:count])
    assert np.array_equal(first.read_y(), Y[:count])


def test_picks_rows_out_across_parts(rows: Rows) -> None:
    chosen = np.array([0, 3, 4, 9])
    assert np.array_equal(rows.take(chosen), X[chosen])


def test_hash_tells_values_labels_and_columns_apart(rows: Rows, tmp_path: Path) -> None:
    other = write_part(tmp_path / "other", "p", X, Y[::-1])
    assert rows.sha256() != Rows((other,), rows.columns, rows.dtype).sha256()
    assert rows.sha256() != Rows(rows.parts, ("a", "b", "d"), rows.dtype).sha256()
    assert rows.sha256() != rows.first(9).sha256()


def test_a_part_is_small_whatever_its_width() -> None:
    assert part_rows(8, np.float64) * 8 * 8 == PART_BYTES
    assert part_rows(PART_BYTES, np.float64) == 1


def test_names_the_file_that_is_missing_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*none-x\.npy; run again"):
        Part(str(tmp_path / "none-x.npy"), None, 1).x()
    (tmp_path / "bad-x.npy").write_bytes(b"bad")
    with pytest.raises(DataError, match=r"bad-x\.npy: damaged"):
        rows_stored(str(tmp_path / "bad-x.npy"))
    with pytest.raises(DataError, match="have no labels"):
        write_part(tmp_path, "p", X).y()
