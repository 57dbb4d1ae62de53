"""Files of other people that were once read wrongly or ended in a traceback, each made here as small as it can be."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from manyhands.analysis.example import example_record
from manyhands.cli import main
from manyhands.data.idx import write_idx
from manyhands.data.mnist import load_mnist
from manyhands.data.price_table import read_prices
from manyhands.data.tabular import load_table
from manyhands.errors import DataError

RECORD = json.loads(example_record(1.0, {}).to_json())


def test_symbols_with_leading_zeros_stay_what_they_are(tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    rows = [f"2020-01-{day:02d},1,2,1,1,9,{symbol}\n" for symbol in ("0700", "000001") for day in range(1, 29)]
    file.write_text("date,open,high,low,close,volume,Name\n" + "".join(rows))
    assert read_prices(file, ["0700"]).symbols == ("0700",)
    with pytest.raises(DataError, match="no symbol 700; known: 000001, 0700"):
        read_prices(file, ["700"])


@pytest.mark.parametrize("name", ["labels.libsvm", "a9a"])
def test_labels_above_a_million_and_files_without_an_ending(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("".join(f"{(0, 1234567, 1234568)[row % 3]} 1:{row} 2:0.5\n" for row in range(60)))
    assert load_table(None, None, str(tmp_path / name)).classes == ("0", "1234567", "1234568")


def test_indices_from_zero_are_columns(tmp_path: Path) -> None:
    (tmp_path / "z.libsvm").write_text("".join(f"{row % 2} 0:{row} 1:0.5\n" for row in range(40)))
    assert load_table(None, None, str(tmp_path / "z.libsvm")).train.columns == ("f1", "f2")


def test_one_high_index_names_rows_columns_and_memory(tmp_path: Path) -> None:
    (tmp_path / "h.libsvm").write_text("".join(f"{row % 2} 1:{row}\n" for row in range(600)) + "1 1:2 100000000:1\n")
    with pytest.raises(DataError, match=r"601 rows x 100000000 columns need 2\d\d\.\d GiB"):
        load_table(None, None, str(tmp_path / "h.libsvm"))


@pytest.mark.parametrize(("folder", "padding"), [("MNIST/raw", 0), ("mnist", 512), (".", 0)])
def test_digits_as_torchvision_lays_them_and_padded_gzip(tmp_path: Path, folder: str, padding: int) -> None:
    place = tmp_path / folder
    place.mkdir(parents=True, exist_ok=True)
    for role in ("train", "t10k"):
        for kind, array in (("images-idx3", np.zeros((3, 28, 28), np.uint8)), ("labels-idx1", np.arange(3, dtype=np.uint8))):
            path = place / f"{role}-{kind}-ubyte"
            write_idx(path, array)
            if padding:
                path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()) + bytes(padding))
                path.unlink()
    assert len(load_mnist(tmp_path).y_train) == 3


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"machine": None}, "machine"),
        ({"spec": []}, "spec"),
        ({"phases": {"train_s": -3.0}}, "phases.train_s is -3.0"),
        ({"phases": {"train_s": 0}}, "phases.train_s is 0"),
        ({"spec": RECORD["spec"] | {"workers": "two"}}, "spec.workers is 'two'"),
        ({"history": {}}, "history"),
    ],
    ids=str,
)
def test_an_impossible_record_is_refused_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, object], problem: str
) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text(json.dumps(RECORD) + "\n" + json.dumps(RECORD | {"id": "b"} | changed) + "\n")
    assert main(["report", str(file)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"manyhands: {file}:2: ")
    assert problem in line


def test_records_with_a_byte_order_mark_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "r.jsonl").write_text(json.dumps(RECORD) + "\n", encoding="utf-8-sig")
    assert main(["report", str(tmp_path / "r.jsonl")]) == 0
    assert "cnn" in capsys.readouterr().out
