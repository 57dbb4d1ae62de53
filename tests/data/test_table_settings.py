"""Tables as other people write them: separators, decimal commas, encodings, no header, columns that number the rows."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from manyhands.data.header import first_is_names
from manyhands.data.points import load_points
from manyhands.data.table_settings import TableSettings
from manyhands.data.tabular import load_table
from manyhands.errors import AsRead, DataError, UsageError
from manyhands.workloads.by_name import workload_class

VALUES = [(number + 0.5, 2 * number + 0.25, number % 2) for number in range(40)]


def written(folder: Path, separator: str = ",", decimal: str = ".", header: str = "a,größe,y", encoding: str = "utf-8") -> str:
    """A file with `VALUES`."""
    lines = [header.replace(",", separator)] if header else []
    lines += [separator.join(str(value).replace(".", decimal) for value in row) for row in VALUES]
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return str(path)


@pytest.mark.parametrize(
    ("separator", "decimal", "encoding", "settings"),
    [
        (";", ",", "utf-8", TableSettings(";", ",")),
        ("\t", ",", "utf-8", TableSettings("tab", ",")),
        ("  ", ".", "utf-8", TableSettings("space")),
        ("|", ".", "latin-1", TableSettings("|", encoding="latin-1")),
        (",", ".", "utf-16", TableSettings(encoding="utf-16")),
        (",", ".", "utf-8-sig", TableSettings(encoding="UTF-8")),
        (",", ".", "utf-8", TableSettings()),
    ],
)
def test_one_table_in_every_form_gives_the_same_rows(
    tmp_path: Path, separator: str, decimal: str, encoding: str, settings: TableSettings
) -> None:
    file = written(tmp_path, separator, decimal, encoding=encoding)
    found = load_table(None, None, file, "y", settings)
    x = np.vstack([found.train.read_x(), found.test.read_x()])
    assert found.train.columns == ("a", "größe")
    assert sorted(map(tuple, x.tolist())) == [row[:2] for row in VALUES]
    points = load_points(None, None, file, ("a", "größe"), settings).rows.read_x()
    assert sorted(map(tuple, points.tolist())) == [row[:2] for row in VALUES]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"separator": ";", "decimal": ","}, r"separated by semicolons: .* --set separator=';' \(and --set decimal=,"),
        ({"separator": ";"}, r"separated by semicolons: .* --set separator=';'"),
        ({"separator": "\t"}, r"separated by tabs: .* --set separator=tab"),
        ({"encoding": "latin-1"}, r"not UTF-8 text .* --set encoding=latin-1"),
        ({"encoding": "utf-16"}, r"not UTF-8 text .* --set encoding=utf-16"),
    ],
)
def test_a_refusal_names_the_likely_cause_and_the_setting(tmp_path: Path, form: dict[str, str], message: str) -> None:
    file = written(tmp_path, **form)
    for read in (
        lambda: load_table(None, None, file, "y"),
        lambda: load_table(None, None, file),
        lambda: load_points(None, None, file),
    ):
        with pytest.raises(DataError, match=message) as caught:
            read()
        assert "\n" not in str(caught.value)


def test_decimal_commas_are_named_where_the_separator_is_right(tmp_path: Path) -> None:
    file = written(tmp_path, ";", ",")
    with pytest.raises(DataError, match=r"is '0,5', which is not a number; .* add --set decimal=,$"):
        load_table(None, None, file, "y", TableSettings(";"))


def test_a_bad_value_among_decimal_commas_is_the_one_that_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a;y\n" + "".join(f"{number},5;{number % 2}\n" for number in range(9)) + "x,5;1\n")
    with pytest.raises(DataError, match="column 'a', data row 10 is 'x,5', which is not a number"):
        load_table(None, None, str(path), "y", TableSettings(";", ","))


@pytest.mark.parametrize(
    ("rows", "names"),
    [
        ("a,b,y 1,2,0", True),
        ("24h,2,y 1,2,0", None),
        ("5.1,3.5,setosa 4.9,3.0,setosa", False),
        ("5.1,3.5,0 4.9,3.0,1", False),
        ("0,1,2,y 5,6,7,a", None),
        ("2019,2020,2021 5,6,7", None),
        (",x,y 0,1,2", True),
        ("5,,setosa 4,1,setosa", False),
        ("5.1,3.5,setosa 4.9,3.0,virginica", None),
    ],
)
def test_the_first_row_is_names_or_data_or_may_be_both(rows: str, names: bool | None) -> None:
    assert first_is_names([row.split(",") for row in rows.split(" ")]) is names


def test_a_table_without_a_header_loses_no_row_and_its_label_is_named_by_position(tmp_path: Path) -> None:
    file = written(tmp_path, header="")
    with pytest.warns(AsRead, match="first line is data, so its columns are called 1, 2"):
        found = load_table(None, None, file, "3")
    assert found.train.columns == ("1", "2")
    assert len(found.train) + len(found.test) == len(VALUES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_table(None, None, file, "3", TableSettings(header="none")).train == found.train
    with pytest.warns(AsRead):
        assert len(load_points(None, None, file, ("1", "2")).rows) == len(VALUES)
    with pytest.raises(DataError, match=r"no column 'y'; it has 1, 2, 3; its first line is data"):
        load_table(None, None, file, "y")
    with pytest.raises(DataError, match=r"which column is the label\? .* it has 1, 2, 3; its first line is data"):
        load_table(None, None, file)


def test_a_first_line_that_may_be_both_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("0,1,y\n" + "".join(f"{value},{value + 1},{value % 2}\n" for value in range(9, 49)))
    with pytest.raises(DataError, match=r"its first line, 0,1,y, may be .* --set header=names or --set header=none"):
        load_table(None, None, str(path), "y")
    assert load_table(None, None, str(path), "y", TableSettings(header="names")).train.columns == ("0", "1")


@pytest.mark.parametrize("name", ["", "id", "row_number", "CustomerID", "Index"])
def test_columns_that_only_number_the_rows_are_said_and_left_out_unless_asked_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{name},a,y\n" + "".join(f"{number},{number * 7 % 11},{number % 2}\n" for number in range(40)))
    read = name or "Unnamed: 0"
    for _ in range(2):  # the second time from the cache
        with pytest.warns(AsRead, match=f"left out '{read}', which only number the rows; add --set row_numbers=true"):
            assert load_table(None, None, str(path), "y").train.columns == ("a",)
    with pytest.warns(AsRead):
        assert load_points(None, None, str(path)).rows.columns == ("a", "y")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_table(None, None, str(path), "y", TableSettings(row_numbers=True)).train.columns == (read, "a")
        assert load_points(None, None, str(path), (read, "a")).rows.columns == (read, "a")


def test_columns_with_such_a_name_that_do_not_number_the_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("id,number,y\n" + "".join(f"{number * 3},{number % 5},{number % 2}\n" for number in range(40)))
    assert load_table(None, None, str(path), "y").train.columns == ("id", "number")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"separator": "xx"}, "separator=xx is not one sign"),
        ({"separator": "7"}, "separator=7 is not one sign"),
        ({"decimal": "tab"}, "decimal=tab is not a sign"),
        ({"separator": "."}, "is also the decimal sign"),
        ({"encoding": "base64"}, "no encoding of text"),
        ({"encoding": "so-so"}, "no encoding of text"),
        ({"header": "maybe"}, "neither names nor none"),
    ],
)
def test_a_setting_that_no_table_can_have_is_refused(given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TableSettings(**given)


@pytest.mark.parametrize("name", ["kmeans", "xgboost", "search"])
def test_every_workload_that_reads_a_table_has_the_settings(tmp_path: Path, name: str) -> None:
    given = {"file": written(tmp_path, ";", ","), "separator": ";", "decimal": ","} | ({} if name == "kmeans" else {"label": "y"})
    workload = workload_class(name).from_settings(given)
    assert workload.count_rows(None) > 0
