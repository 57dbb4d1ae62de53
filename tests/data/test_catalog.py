"""Which files of a folder are known, which is read, and what is found when one is read whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhands.data.catalog import check_file, check_sets, count_rows, known_files
from manyhands.data.idx import write_idx
from manyhands.data.make import embedded
from manyhands.errors import DataError


def test_finds_files_in_their_folder_and_beside_it_and_says_which_is_read(
    tmp_path: Path, bars: list[Any], to_csv: Callable[[list[Any]], str]
) -> None:
    write_idx(tmp_path / "mnist" / "train-labels-idx1-ubyte", np.zeros(5, np.uint8))
    write_idx(tmp_path / "mnist" / "train-labels-idx1-ubyte.gz", np.zeros(5, np.uint8))
    (tmp_path / "sp500_stocks.csv").write_text(to_csv(bars))
    (tmp_path / "all_stocks_5yr.csv").touch()
    (tmp_path / "unknown.csv").touch()
    found = {str(file.path.relative_to(tmp_path)): (file.set, file.used) for file in known_files(tmp_path)}
    assert found == {
        "mnist/train-labels-idx1-ubyte": ("mnist", True),
        "mnist/train-labels-idx1-ubyte.gz": ("mnist", False),
        "sp500_stocks.csv": ("stocks", True),
        "all_stocks_5yr.csv": ("stocks", False),
    }
    assert [count_rows(file) for file in known_files(tmp_path) if file.used] == [5, len(bars)]


def test_finds_tables_and_says_which_are_read(tmp_path: Path) -> None:
    for name in ("clustering/Mall_Customers.csv", "tabular/adult.data.gz", "tabular/adult.test.gz", "tabular/diabetes.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "burger-king-menu.csv").write_text("Fat (g),Total Carb (g)\n1,2\n3,4\n")
    (tmp_path / "Skin_NonSkin.txt").write_text("B\tG\tR\tSKIN\n" + "1\t2\t3\t1\n4\t5\t6\t2\n" * 10)
    found = {str(file.path.relative_to(tmp_path)): file for file in known_files(tmp_path)}
    assert {name: (file.set, file.used) for name, file in found.items()} == {
        "clustering/Mall_Customers.csv": ("points", True),
        "burger-king-menu.csv": ("points", False),
        "tabular/adult.data.gz": ("tabular", True),
        "tabular/adult.test.gz": ("tabular", True),
        "Skin_NonSkin.txt": ("tabular", False),
        "tabular/diabetes.csv": ("tabular", False),
    }
    assert count_rows(found["burger-king-menu.csv"]) == 2
    assert count_rows(found["Skin_NonSkin.txt"]) == 20
    with pytest.raises(DataError, match=r"diabetes\.csv: empty"):
        check_file(found["tabular/diabetes.csv"])


def test_finds_nothing_in_an_empty_folder(tmp_path: Path) -> None:
    assert known_files(tmp_path) == []
    assert check_sets([], tmp_path) == []


def test_checks_a_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "t10k-labels-idx1-ubyte"
    write_idx(path, np.arange(9, dtype=np.uint8))
    (file,) = known_files(tmp_path)
    assert check_file(file) == (9, hashlib.sha256(path.read_bytes()).hexdigest())
    write_idx(path, np.arange(30, dtype=np.uint8))
    with pytest.raises(DataError, match="label 29"):
        check_file(file)
    write_idx(path, np.array(7, np.uint8))
    assert count_rows(file) == 1
    with pytest.raises(DataError, match=r"uint8 of shape \(\); mnist needs"):
        check_file(file)


def test_tells_a_set_with_a_missing_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "t10k-labels-idx1-ubyte", np.arange(9, dtype=np.uint8))
    (problem,) = check_sets(known_files(tmp_path), tmp_path)
    assert "no file" in problem


def test_the_embedded_sets_are_known_files() -> None:
    root = embedded("mnist")
    assert {embedded(name) for name in ("points", "stocks", "tabular")} == {root}
    files = known_files(root)
    rows = {(file.set, count_rows(file)) for file in files}
    assert rows == {
        ("mnist", 8192),
        ("mnist", 2048),
        ("points", 131072),
        ("stocks", 12000),
        ("tabular", 16384),
        ("tabular", 74898),
    }
    assert all(file.used for file in files)
    assert check_sets(files, root) == []
