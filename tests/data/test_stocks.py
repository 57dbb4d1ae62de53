"""Stock windows against a plain loop, and what must not leak from later days into earlier ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import pytest

from manyhands.data.stocks import Windows, load_windows
from manyhands.errors import DataError, UsageError

FEATURES = ("open", "high", "low", "close", "volume")
WINDOW = 4
PARTS = ("train", "validation", "test")


def by_hand(bars: list[Any], window: int) -> dict[str, list[Any]]:
    """The same windows, one number at a time."""
    dates = sorted({bar.day for bar in bars})
    part_of = {day: PARTS[(i >= len(dates) * 8 // 10) + (i >= len(dates) * 9 // 10)] for i, day in enumerate(dates)}
    out: dict[str, list[Any]] = {f"{axis}_{part}": [] for axis in "xy" for part in PARTS}
    out |= {"price_test": [], "last_close_test": []}
    for symbol in sorted({bar.symbol for bar in bars}):
        mine = sorted((bar for bar in bars if bar.symbol == symbol), key=lambda bar: bar.day)
        seen = [bar for bar in mine if part_of[bar.day] == "train"]
        if len(seen) <= window:
            continue
        mean = {name: fmean(getattr(bar, name) for bar in seen) for name in FEATURES}
        scale = {name: pstdev(getattr(bar, name) for bar in seen) for name in FEATURES}
        for i in range(window, len(mine)):
            part = part_of[mine[i].day]
            rows = [[(getattr(bar, name) - mean[name]) / scale[name] for name in FEATURES] for bar in mine[i - window : i]]
            out[f"x_{part}"].append(rows)
            out[f"y_{part}"].append((mine[i].close - mean["close"]) / scale["close"])
            if part == "test":
                out["price_test"].append(mine[i].close)
                out["last_close_test"].append(mine[i - 1].close)
    return out


@pytest.fixture
def load(tmp_path: Path, to_csv: Callable[[list[Any]], str]) -> Callable[..., Windows]:
    def write_and_load(bars: list[Any], window: int = WINDOW, symbols: tuple[str, ...] = ()) -> Windows:
        (tmp_path / "sp500").mkdir(exist_ok=True)
        (tmp_path / "sp500" / "sp500_stocks.csv").write_text(to_csv(bars))
        return load_windows(tmp_path, window, symbols)

    return write_and_load


@pytest.mark.parametrize("window", [1, 4, 7])
def test_agrees_with_a_plain_loop(load: Callable[..., Windows], bars: list[Any], window: int) -> None:
    windows, expected = load(bars, window), by_hand(bars, window)
    for name in (f"{axis}_{part}" for axis in "xy" for part in PARTS):
        assert getattr(windows, name).dtype == np.float32
        np.testing.assert_allclose(getattr(windows, name), expected[name], rtol=1e-5, atol=1e-6)
    assert windows.last_close_test.tolist() == expected["last_close_test"]
    np.testing.assert_allclose(windows.prices_test(windows.y_test), expected["price_test"], rtol=1e-6)
    assert windows.symbols == ("AAA", "BBB", "CCC")


def test_later_days_change_nothing_in_training(load: Callable[..., Windows], bars: list[Any]) -> None:
    """50 dates: the first 40 train, the next 5 validate, the last 5 test."""
    first_test_day = sorted({bar.day for bar in bars})[45]
    changed = [replace(bar, close=bar.close * 9, volume=1.0) if bar.day >= first_test_day else bar for bar in bars]
    before, after = load(bars), load(changed)
    for name in ("x_train", "y_train", "x_validation", "y_validation", "mean_test", "scale_test"):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name
    assert not np.array_equal(before.y_test, after.y_test)


def test_each_later_target_has_a_whole_window_before_it(load: Callable[..., Windows], bars: list[Any]) -> None:
    """Inputs may reach back over the split, so no row at the start of a part is lost."""
    windows = load(bars)
    assert len(windows.y_train) == 3 * (40 - WINDOW)
    assert len(windows.y_validation) == len(windows.y_test) == 3 * 5


def test_training_features_have_mean_0_and_deviation_1(load: Callable[..., Windows], bars: list[Any]) -> None:
    windows = load([bar for bar in bars if bar.symbol == "AAA"], window=1)
    days = np.concatenate([windows.x_train[:, 0], windows.x_validation[:1, 0]])
    np.testing.assert_allclose(days.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(days.std(axis=0), 1, atol=1e-6)


def test_a_feature_that_never_changes_becomes_0(load: Callable[..., Windows], bars: list[Any]) -> None:
    windows = load([replace(bar, volume=0.1, close=0.1) for bar in bars])
    assert (windows.x_train[:, :, 3:] == 0).all()
    assert (windows.y_test == 0).all()
    np.testing.assert_allclose(windows.prices_test(windows.y_test), 0.1)


def test_takes_the_chosen_symbols_only(load: Callable[..., Windows], bars: list[Any]) -> None:
    assert load(bars, symbols=("CCC", "AAA")).symbols == ("AAA", "CCC")
    with pytest.raises(DataError, match="no symbol ZZZ; known: AAA"):
        load(bars, symbols=("ZZZ",))


@pytest.mark.parametrize(
    ("window", "symbols", "problem"),
    [
        (40, (), "a window of 40 days needs more than 40 training dates of AAA, BBB, CCC, LATE; use a longer file"),
        (4, ("AAA", "LATE"), "more than 4 training dates of LATE"),
    ],
)
def test_says_when_there_are_too_few_rows(
    load: Callable[..., Windows], bars: list[Any], window: int, symbols: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(DataError, match=f"sp500_stocks.csv: .*{problem}"):
        load(bars, window, symbols)


def test_says_which_part_has_no_row(load: Callable[..., Windows], bars: list[Any]) -> None:
    with pytest.raises(DataError, match="too few dates for validation windows of 1 days"):
        load([bar for bar in bars if bar.symbol == "AAA"][:4], window=1)


def test_refuses_a_window_of_no_days(load: Callable[..., Windows], bars: list[Any]) -> None:
    with pytest.raises(UsageError, match="a window of 0 days"):
        load(bars, 0)


def test_prefers_the_four_symbol_file_and_reads_another_by_name(
    tmp_path: Path, bars: list[Any], to_csv: Callable[[list[Any]], str]
) -> None:
    for name, symbol in (("all_stocks_5yr.csv", "AAA"), ("sp500_stocks_aes_all_ccl_gis.csv", "BBB"), ("mine.csv", "CCC")):
        (tmp_path / name).write_text(to_csv([bar for bar in bars if bar.symbol == symbol]))
    assert load_windows(tmp_path, WINDOW).symbols == ("BBB",)
    assert load_windows(tmp_path, WINDOW, file="mine.csv").symbols == ("CCC",)
    assert load_windows(tmp_path, WINDOW, file="mine.csv").source == str(tmp_path / "mine.csv")
    assert load_windows(None, WINDOW, file=str(tmp_path / "mine.csv")).symbols == ("CCC",)


def test_names_the_files_that_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file sp500_stocks_aes_all_ccl_gis\.csv\[\.gz\|\.xz\] or .* in .*sp500"):
        load_windows(tmp_path)
    with pytest.raises(DataError, match=r"no file other\.csv in"):
        load_windows(tmp_path, file="other.csv")


def test_the_embedded_prices_fill_every_part() -> None:
    windows = load_windows(None)
    assert windows.source == "embedded prices"
    assert windows.x_train.shape == (8 * (1200 - 60), 60, 5)
    assert windows.x_validation.shape == windows.x_test.shape == (8 * 150, 60, 5)


def test_the_real_prices_are_all_used(real_data: Path) -> None:
    windows = load_windows(real_data)
    assert windows.symbols == ("AES", "ALL", "CCL", "GIS")
    assert windows.x_train.shape == (4 * (2948 - 60), 60, 5)
    assert len(windows.y_train) + len(windows.y_validation) + len(windows.y_test) == 4 * (3686 - 60)
    assert np.isfinite(windows.x_test).all()
