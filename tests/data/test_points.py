"""Points: the embedded blobs of any size, tables of numbers, and the error messages for bad ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from manyhands.data import blobs, row_parts
from manyhands.data.make import make_set
from manyhands.data.points import load_points, made_points
from manyhands.errors import DataError


def table(folder: Path, text: str, name: str = "table.csv") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_blobs_lie_around_their_centres() -> None:
    rows = blobs.draw_blobs(0)
    nearest = np.linalg.norm(rows[:2000, None] - blobs.blob_centres()[None], axis=2).argmin(axis=1)
    means = np.array([rows[:2000][nearest == number].mean(axis=0) for number in range(blobs.CENTRES)])
    assert np.abs(means - blobs.blob_centres()).max() < 1


def test_fewer_points_are_a_part_of_more_and_parts_are_made_as_needed() -> None:
    few, more = load_points(None, 1000).rows, load_points(None, blobs.PART_ROWS * 3).rows
    assert len(few.parts) == 1
    assert len(more.parts) == 3
    assert np.array_equal(more.first(1000).read_x(), few.read_x())
    assert np.array_equal(more.parts[2].x(), blobs.draw_blobs(2))
    assert len(load_points(None).rows) == blobs.DEFAULT_PARTS * blobs.PART_ROWS


def test_reads_what_data_make_left_in_a_folder(tmp_path: Path) -> None:
    make_set("points", tmp_path)
    made = made_points(tmp_path)
    assert made is not None
    assert load_points(tmp_path).rows.sha256() == made.sha256() == load_points(None).rows.sha256()


def test_a_table_gives_its_numbers_in_a_fixed_shuffled_order(tmp_path: Path) -> None:
    lines = [f"{number},{2 * number},name{number}" for number in range(50)]
    file = table(tmp_path, "\n".join(["a,b,c", *lines]))
    points = load_points(None, None, file, ("b", "a"))
    x = points.rows.read_x()
    assert points.source == file
    assert points.rows.columns == ("b", "a")
    assert sorted(x[:, 1]) == list(range(50))
    assert np.array_equal(x[:, 0], 2 * x[:, 1])
    assert not np.array_equal(x[:, 1], np.arange(50))
    assert np.array_equal(load_points(None, 7, file, ("b", "a")).rows.read_x(), x[:7])


def test_a_table_larger_than_a_part_is_read_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_parts, "PART_BYTES", 8 * 20)
    rows = load_points(None, None, table(tmp_path, "a\n" + "\n".join(map(str, range(50))))).rows
    assert [part.rows for part in rows.parts] == [20, 20, 10]
    assert sorted(rows.parts[1].x()[:, 0]) == list(range(20, 40))


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    file = table(tmp_path, "a\n1\n2\n")
    assert sorted(load_points(None, None, file).rows.read_x()[:, 0]) == [1, 2]
    table(tmp_path, "a\n1\n5\n")
    os.utime(file, (1, 1))
    assert sorted(load_points(None, None, file).rows.read_x()[:, 0]) == [1, 5]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("a,b\n1,2\n3,x\n", (), r"column 'b', data row 2 is 'x', which is not a number"),
        ("a,b\n1,2\n3,\n", (), r"column 'b', data row 2 is blank"),
        ("a,b\n1,inf\n", (), r"column 'b', data row 1 is 'inf'"),
        (f"a,b\n1,{'9' * 400}\n", (), r"column 'b', data row 1 is '9{40}', which is not a number"),
        ("a,b\n1,2\n", ("c",), r"no column 'c'; it has a, b"),
        ("a,b\n", (), "no data rows"),
        ("", (), "empty"),
    ],
)
def test_says_what_is_wrong_with_a_table(tmp_path: Path, text: str, columns: tuple[str, ...], message: str) -> None:
    file = table(tmp_path, text)
    with pytest.raises(DataError, match=message) as caught:
        load_points(None, None, file, columns)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)


def test_says_which_file_is_missing_or_too_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file california_housing\.csv or .* --set file="):
        load_points(tmp_path)
    with pytest.raises(DataError, match=r"no file .*none\.csv"):
        load_points(None, None, str(tmp_path / "none.csv"))
    with pytest.raises(DataError, match="has 2 rows, 3 were asked for; use fewer --samples"):
        load_points(None, 3, table(tmp_path, "a\n1\n2\n"))


@pytest.mark.parametrize(
    ("file", "rows", "columns"),
    [
        (None, 20640, ("longitude", "latitude")),
        ("burger-king-menu.csv", 77, ("Fat (g)", "Total Carb (g)")),
        ("Mall_Customers.csv", 200, ("Annual_Income", "Spending_Score")),
        ("Skin_NonSkin.txt", 245057, ("B", "G", "R")),
    ],
)
def test_knows_the_columns_of_the_real_tables(real_data: Path, file: str | None, rows: int, columns: tuple[str, ...]) -> None:
    points = load_points(real_data, None, file)
    assert len(points.rows) == rows
    assert points.rows.columns == columns
    assert np.isfinite(points.rows.read_x()).all()
