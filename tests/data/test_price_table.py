"""Price files: both layouts, each compression, and files that hold something else."""

from __future__ import annotations

import gzip
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from manyhands.data.price_table import read_prices
from manyhands.errors import DataError

FIRST = "Date,Symbol,Adj Close,Close,High,Low,Open,Volume\n2020-01-02,BB,1,4,2,3,1,500\n2020-01-01,BB,1,40,20,30,10,5\n"
SECOND = "date,open,high,low,close,volume,Name\n2020-01-02,1,2,3,4,500,BB\n2020-01-01,10,20,30,40,5,BB\n"
PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".xz": lzma.compress}


def write(folder: Path, text: str, suffix: str = "") -> Path:
    path = folder / f"prices.csv{suffix}"
    path.write_bytes(PACK[suffix](text.encode()))
    return path


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("text", [FIRST, SECOND, "\ufeff" + FIRST, SECOND.replace("\n", "\r\n")])
def test_reads_both_layouts_in_each_compression_sorted_by_date(tmp_path: Path, text: str, suffix: str) -> None:
    table = read_prices(write(tmp_path, text, suffix))
    assert table.symbols == ("BB",)
    assert table.day.astype(str).tolist() == ["2020-01-01", "2020-01-02"]
    assert table.values.tolist() == [[10, 20, 30, 40, 5], [1, 2, 3, 4, 500]]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress])
def test_tells_the_compression_by_the_first_bytes(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "named.csv"
    path.write_bytes(pack(FIRST.encode()))
    assert len(read_prices(path).day) == 2


def test_leaves_out_rows_with_a_blank(tmp_path: Path) -> None:
    text = SECOND + "2020-01-03,,2,3,4,5,BB\n2020-01-04,1,2,3,4,NaN,BB\n2020-01-05,1,2,3,4,5,\n,1,2,3,4,5,BB\n"
    assert len(read_prices(write(tmp_path, text)).day) == 2


def test_takes_symbols_that_look_like_blanks_or_flags_for_symbols(tmp_path: Path) -> None:
    text = SECOND + "2020-01-01,1,2,3,4,5,NA\n2020-01-01,1,2,3,4,5,TRUE\n2020-01-01,1,2,3,4,5,1\n"
    assert read_prices(write(tmp_path, text)).symbols == ("1", "BB", "NA", "TRUE")
    assert read_prices(write(tmp_path, text), ["NA"]).symbols == ("NA",)


def test_sorts_symbols_and_dates_whatever_the_order_of_rows(
    tmp_path: Path, bars: list[object], to_csv: Callable[[list[object]], str]
) -> None:
    expected = read_prices(write(tmp_path, to_csv(bars)))
    mixed = read_prices(write(tmp_path, to_csv(random.Random(1).sample(bars, len(bars)))))
    assert expected.symbols == mixed.symbols == ("AAA", "BBB", "CCC", "LATE")
    assert np.array_equal(expected.values, mixed.values)
    assert np.array_equal(expected.day, mixed.day)
    assert np.array_equal(expected.symbol, mixed.symbol)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        (FIRST.replace("Volume", "Vol"), "no column Volume among Date, Symbol, .*; needed: Date,Symbol,.* or date,Name,"),
        (SECOND.replace("Name", "Ticker"), "no column Name among"),
        (SECOND.splitlines()[0] + "\n", "none of its 0 rows has"),
        (SECOND.splitlines()[0] + "\n2020-01-01,,2,3,4,5,BB\n", "none of its 1 rows has"),
        (SECOND + "2020-01-03,1,2,three,4,5,BB\n", "column low, data row 3: 'three' is not a number"),
        (SECOND + f"2020-01-03,1,2,{'9' * 400},4,5,BB\n", "column low, data row 3: '9{40}' is not a number"),
        (SECOND + "2020-01-03,1,2,3,inf,5,BB\n", "column close, data row 3: 'inf' is not a number"),
        (SECOND + "03/01/2020,1,2,3,4,5,BB\n", "column date: '03/01/2020' is not a date; write dates as"),
        (SECOND + "2020-01-02,1,2,3,4,5,BB\n", "BB has more than one row for 2020-01-02"),
        (SECOND + '"2020-01-03,1,2,3,4,5,BB\n', "not a CSV table"),
        ("\x00\x01\x02", "no column"),
    ],
)
def test_says_what_is_wrong_with_a_file(tmp_path: Path, text: str, problem: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DataError, match=problem) as error:
        read_prices(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_names_the_symbols_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no symbol CC, DD; known: BB"):
        read_prices(write(tmp_path, FIRST), ["CC", "BB", "DD"])
    rows = "".join(f"2020-01-01,1,2,3,4,5,S{number:02}\n" for number in range(12))
    with pytest.raises(DataError, match=r"known: BB, S00, .*S08, \.\.\. \(13 in all\)"):
        read_prices(write(tmp_path, SECOND + rows), ["CC"])


@pytest.mark.parametrize("suffix", [".gz", ".xz"])
@pytest.mark.parametrize(
    "damage", [lambda b: b[: len(b) // 2], lambda b: b[:-3], lambda b: b[:40] + b"\xff" * 9 + b[49:], lambda b: b[:8]]
)
def test_a_damaged_compressed_file_is_an_error(tmp_path: Path, suffix: str, damage: Callable[[bytes], bytes]) -> None:
    rows = "".join(f"2020-01-01,{number * 7919 % 1000},2,3,4,5,S{number}\n" for number in range(200))
    path = write(tmp_path, SECOND + rows, suffix)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"prices.csv.*: damaged or truncated"):
        read_prices(path)


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_bytes(b"\xff\xfe\xfa,\x80\n" * 5)
    with pytest.raises(DataError, match="not a CSV table"):
        read_prices(path)
    with pytest.raises(DataError, match="no file"):
        read_prices(tmp_path / "absent.csv")
    with pytest.raises(DataError, match="cannot read"):
        read_prices(tmp_path)


@pytest.mark.parametrize("symbol", ["0700", "000001", "1e5", "2020-01-01", "True", "1.0"])
def test_symbol_that_looks_like_a_number_stays_as_it_is_written(tmp_path: Path, symbol: str) -> None:
    path = write(tmp_path, SECOND.replace("BB", symbol))
    assert read_prices(path, (symbol,)).symbols == (symbol,)
    with pytest.raises(DataError, match=f"no symbol 7; known: {symbol}"):
        read_prices(path, ("7",))
