"""Labelled rows: the embedded ones, CSV and LIBSVM files, the fixed split, and the error messages for bad files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhands.data import made_rows, row_parts
from manyhands.data.make import make_set
from manyhands.data.tabular import count_rows, load_table
from manyhands.errors import DataError

NUMBERS = [f"{number},{number % 10},{number % 3}" for number in range(200)]


def table(folder: Path, lines: list[str], name: str = "table.csv") -> str:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_embedded_rows_go_on_as_far_as_asked_and_fewer_are_a_part_of_more() -> None:
    few, more = load_table(None, 500), load_table(None, made_rows.PART_ROWS + 5)
    assert len(more.train) == made_rows.PART_ROWS + 5
    assert np.array_equal(more.train.first(500).read_x(), few.train.read_x())
    assert np.array_equal(more.train.first(500).read_y(), few.train.read_y())
    assert more.test == few.test
    assert len(load_table(None).train) == made_rows.DEFAULT_PARTS * made_rows.PART_ROWS
    assert 0.4 < few.train.read_y().mean() < 0.6


def test_embedded_rows_can_be_learnt_but_not_perfectly() -> None:
    from sklearn.tree import DecisionTreeClassifier

    made = load_table(None, 8000)
    model = DecisionTreeClassifier(max_depth=8, random_state=0).fit(made.train.read_x(), made.train.read_y())
    assert 0.7 < model.score(made.test.read_x(), made.test.read_y()) < 0.95


def test_reads_what_data_make_left_in_a_folder(tmp_path: Path) -> None:
    make_set("tabular", tmp_path)
    assert load_table(tmp_path).train.sha256() == load_table(None).train.sha256()


def test_the_label_is_no_feature_and_every_fifth_row_is_held_out(tmp_path: Path) -> None:
    file = table(tmp_path, ["a,b,y", *NUMBERS])
    found = load_table(None, None, file, "y")
    assert found.train.columns == ("a", "b")
    assert found.classes == ("0", "1", "2")
    assert (len(found.train), len(found.test)) == (160, 40)
    every = np.vstack([found.train.read_x(), found.test.read_x()])
    labels = np.concatenate([found.train.read_y(), found.test.read_y()])
    assert sorted(every[:, 0]) == list(range(200))
    assert np.array_equal(every[:, 0] % 3, labels)
    again = load_table(None, 10, file, "y")
    assert np.array_equal(again.train.read_x(), found.train.read_x()[:10])


def test_a_table_larger_than_a_part_is_read_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_parts, "PART_BYTES", 2 * 4 * 30)
    found = load_table(None, None, table(tmp_path, ["a,b,y", *NUMBERS]), "y")
    assert [part.rows for part in found.train.parts] == [24] * 6 + [16]
    assert [part.rows for part in found.test.parts] == [6] * 6 + [4]
    assert np.array_equal(found.train.read_x()[:, 0] % 3, found.train.read_y())
    assert sorted([*found.train.read_x()[:, 0], *found.test.read_x()[:, 0]]) == list(range(200))


def test_counts_the_rows_of_a_known_file(tmp_path: Path) -> None:
    assert count_rows(Path(table(tmp_path, ["Outcome,a", *(f"{n % 2},{n}" for n in range(20))], "diabetes.csv"))) == 20


def test_labels_are_words_or_numbers_in_their_own_order(tmp_path: Path) -> None:
    words = load_table(None, None, table(tmp_path, ["a,y", *(f"{n},{'no' if n % 2 else 'yes'}" for n in range(40))]), "y")
    assert words.classes == ("no", "yes")
    numbers = load_table(None, None, table(tmp_path, ["a,y", *(f"{n},{9 + n % 2}" for n in range(40))], "n.csv"), "y")
    assert numbers.classes == ("9", "10")
    assert np.array_equal(numbers.train.read_y(), numbers.train.read_x()[:, 0] % 2)


@pytest.mark.parametrize(
    ("lines", "label", "message"),
    [
        (["a,y", "1,1", "2,0"], "z", r"no column 'z'; it has a, y"),
        (["a,y", "1,1", "2,0"], None, r"which column is the label\? name one with --set label=NAME; it has a, y"),
        (["a,y", *["1,5"] * 10], "y", r"label 'y' is 5 in every row; choose another column"),
        (["a,y", *(f"1,{number}" for number in range(101))], "y", r"label 'y' has 101 different values"),
        (["a,y", "1,1", "2,"], "y", r"label 'y' is blank in data row 2"),
        (["a,y", "one,1", "2,0"], "y", r"column 'a', data row 1 is 'one', which is not a number"),
        (["a,y", ",1", "2,0"], "y", r"column 'a', data row 1 is blank"),
        (["y", "1", "0"], "y", r"no column beside the label"),
        (["a,y", "1,1", "2,0"], "y", r"too few rows to hold any out"),
    ],
)
def test_says_what_is_wrong_with_a_table(tmp_path: Path, lines: list[str], label: str | None, message: str) -> None:
    file = table(tmp_path, lines)
    with pytest.raises(DataError, match=message) as caught:
        load_table(None, None, file, label)
    assert file in str(caught.value)
    assert "\n" not in str(caught.value)


def test_says_which_file_is_missing_or_too_short(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file adult\.data or "):
        load_table(tmp_path)
    (tmp_path / "adult.data").write_text("no matter")
    with pytest.raises(DataError, match=r"no file adult\.test beside"):
        load_table(tmp_path)
    with pytest.raises(DataError, match="160 training rows, 161 were asked for"):
        load_table(None, 161, table(tmp_path, ["a,b,y", *NUMBERS]), "y")


def test_words_become_columns_by_the_training_file_alone(tmp_path: Path) -> None:
    row = "39, {work}, 77516, Bachelors, 13, Single, Clerk, Own, White, {sex}, 2174, 0, 40, Here, {label}"
    train = [row.format(work=work, sex=sex, label=label) for work, sex, label in (("State", "M", "<=50K"), ("?", "F", ">50K"))]
    test = ["|1x3 Cross validator", row.format(work="Moon", sex="F", label="<=50K.")]
    (tmp_path / "adult.data").write_text("\n".join([*train, ""]))
    (tmp_path / "adult.test").write_text("\n".join([*test, ""]))
    found = load_table(tmp_path)
    assert found.classes == ("<=50K", ">50K")
    assert {"workclass=?", "workclass=State", "sex=F", "sex=M", "age"} <= set(found.train.columns)
    x = dict(zip(found.train.columns, found.test.read_x()[0], strict=True))
    assert (x["workclass=?"], x["workclass=State"], x["sex=F"], x["age"]) == (0, 0, 1, 39)
    assert found.test.read_y().tolist() == [0]
    assert count_rows(tmp_path / "adult.test") == 1


@pytest.mark.parametrize(
    ("file", "train", "test", "columns", "classes", "share"),
    [
        (None, 32561, 16281, 108, ("<=50K", ">50K"), 7841 / 32561),
        ("higgs-7500.train", 7000, 500, 28, ("0", "1"), 3716 / 7000),
        ("agaricus.txt.train", 6513, 1611, 126, ("0", "1"), 3140 / 6513),
    ],
)
def test_knows_the_real_tables(
    real_data: Path, file: str | None, train: int, test: int, columns: int, classes: tuple[str, ...], share: float
) -> None:
    found = load_table(real_data, None, file)
    assert (len(found.train), len(found.test), len(found.train.columns)) == (train, test, columns)
    assert found.classes == classes
    assert found.train.read_y().mean() == pytest.approx(share)


@pytest.mark.parametrize(
    ("file", "rows", "columns", "ones"), [("Skin_NonSkin.txt", 245057, 3, 194198), ("diabetes.csv", 768, 8, 268)]
)
def test_holds_out_a_fifth_of_the_real_tables_without_a_test_file(
    real_data: Path, file: str, rows: int, columns: int, ones: int
) -> None:
    found = load_table(real_data, None, file)
    assert len(found.train) + len(found.test) == rows
    assert len(found.test) == pytest.approx(rows / 5, abs=1)
    assert len(found.train.columns) == columns
    assert found.train.read_y().sum() + found.test.read_y().sum() == ones


def test_large_whole_labels_and_long_fractions_stay_apart(tmp_path: Path) -> None:
    labels = ("0", "1234567", "1234568", "0.1234567", "0.1234568")
    lines = [f"{labels[number % 5]} 1:{number}" for number in range(100)]
    found = load_table(None, None, table(tmp_path, lines, "labels.libsvm"))
    assert found.classes == ("0", "0.1234567", "0.1234568", "1234567", "1234568")
    assert sorted(np.bincount(np.concatenate([found.train.read_y(), found.test.read_y()]))) == [20] * 5


def test_libsvm_without_an_ending_is_read(tmp_path: Path) -> None:
    lines = [f"{'+1' if number % 2 else '-1'} {number % 7 + 1}:1" for number in range(100)]
    for name in ("a9a", "a.t"):
        assert load_table(None, None, table(tmp_path, lines, name)).classes == ("-1", "1")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a,b,y", "1,2,0,9", *NUMBERS], r"data row 1 has more fields than the 3 columns of the header; correct it"),
        (["a,b,y", "1,2,0,8,9", *NUMBERS], r"data row 1 has more fields than the 3 columns of the header; correct it"),
        (["a,b,y", *NUMBERS, "1,2,0,9"], r"not a table \(.*Expected 3 fields in line 202, saw 4\)"),
        (["a;b;y", *("1,5;2,5;0,1" for _ in range(20))], r"seem to be separated by semicolons: write it again with commas"),
    ],
)
def test_row_with_too_many_fields_is_refused(tmp_path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_table(None, None, table(tmp_path, lines), lines[0].split(",")[-1])


def test_text_in_another_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "latin.csv"
    path.write_bytes("a,größe,y\n".encode("latin-1") + b"1,2,0\n")
    with pytest.raises(DataError, match=r"not UTF-8 text .*; write it again as UTF-8"):
        load_table(None, None, str(path), "y")
