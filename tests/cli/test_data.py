"""`manyhands data`: what it prints, what it makes, and its exit codes."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest

from manyhands.cli.data import add_parser
from manyhands.data.idx import write_idx
from manyhands.errors import DataError, UsageError


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MANYHANDS_DATA", raising=False)


def call(*words: str) -> int:
    top = argparse.ArgumentParser()
    add_parser(top.add_subparsers())
    options = top.parse_args(["data", *words])
    return int(options.call(options))


def small_mnist(folder: Path) -> Path:
    for part in ("train", "t10k"):
        write_idx(folder / "mnist" / f"{part}-images-idx3-ubyte", np.zeros((3, 28, 28), np.uint8))
        write_idx(folder / "mnist" / f"{part}-labels-idx1-ubyte", np.zeros(3, np.uint8))
    return folder


def test_ls_says_that_embedded_data_is_made_on_first_use_and_makes_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("ls") == 0
    assert capsys.readouterr().out.count("made on first use") == 4
    assert not (tmp_path / "cache").exists()


def test_ls_shows_the_files_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_idx(small_mnist(tmp_path) / "mnist" / "t10k-images-idx3-ubyte.gz", np.zeros(1, np.uint8))
    (tmp_path / "mnist" / "train-labels-idx1-ubyte").write_bytes(b"damaged")
    assert call("ls", "--data-dir", str(tmp_path)) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("real data in" in line for line in lines)
    assert any("train-images-idx3-ubyte" in line and " 3 " in line and "read" in line for line in lines)
    assert any("t10k-images-idx3-ubyte.gz" in line and "not read" in line for line in lines)
    assert any("train-labels-idx1-ubyte" in line and "damaged" in line for line in lines)
    assert any("stocks" in line and "not in this folder" in line for line in lines)


def test_ls_uses_the_folder_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MANYHANDS_DATA", str(small_mnist(tmp_path)))
    assert call("ls") == 0
    assert "real data in" in capsys.readouterr().out


def test_make_prints_where_the_set_is_and_what_it_made_is_read_and_verified(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("make", "stocks", "--to", str(tmp_path / "new")) == 0
    assert capsys.readouterr().out == f"stocks: {tmp_path / 'new' / 'stocks'}\n"
    assert call("ls", "--data-dir", str(tmp_path / "new")) == 0
    assert "12,000" in capsys.readouterr().out
    assert call("verify", "--data-dir", str(tmp_path / "new")) == 0
    assert capsys.readouterr().out.startswith("ok   stocks/simulated_stocks.csv  12000 rows  sha256 ")
    with pytest.raises(DataError, match="already there"):
        call("make", "stocks", "--to", str(tmp_path / "new"))


def test_make_refuses_an_unknown_set() -> None:
    with pytest.raises(UsageError, match="unknown embedded set 'cifar'"):
        call("make", "cifar")


def test_verify_prints_a_line_a_file_and_ends_with_2_when_one_is_bad(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small_mnist(tmp_path)
    assert call("verify", "--data-dir", str(tmp_path)) == 0
    assert [line[:5] for line in capsys.readouterr().out.splitlines()] == ["ok   "] * 4
    bad = tmp_path / "mnist" / "train-images-idx3-ubyte"
    bad.write_bytes(bad.read_bytes()[:-1])
    (tmp_path / "sp500_stocks.csv").write_text("no prices")
    assert call("verify", "--data-dir", str(tmp_path)) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"BAD  {bad}: truncated")
    assert [line[:5] for line in lines[1:4]] == ["ok   "] * 3
    assert lines[4].startswith(f"BAD  {tmp_path / 'sp500_stocks.csv'}: no column")
    assert len(lines) == 5


def test_verify_tells_files_that_do_not_belong_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_idx(small_mnist(tmp_path) / "mnist" / "t10k-labels-idx1-ubyte", np.zeros(2, np.uint8))
    assert call("verify", "--data-dir", str(tmp_path)) == 2
    assert "2 labels, but" in capsys.readouterr().out.splitlines()[-1]


def test_verify_refuses_a_folder_without_known_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no known data file in .*; 'manyhands data make --to"):
        call("verify", "--data-dir", str(tmp_path))


def test_verify_of_the_embedded_data_makes_it_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("verify") == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[1].split("/")[0] for line in lines} == {"mnist", "points", "stocks", "tabular"}
    assert all(line.startswith("ok ") for line in lines)
