"""The split, the scaling and the cut on numbers small enough to see; test_stocks.py holds the whole against a plain loop."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from manyhands.data.price_table import PriceTable
from manyhands.data.windowing import cut_windows, split_by_date, training_scaling, window_ends


def table_of(*lengths: int) -> PriceTable:
    """Symbols with these many days each, all from the same first day; every value differs."""
    symbol = np.repeat(np.arange(len(lengths)), lengths)
    day = np.concatenate([np.datetime64("2020-01-01") + np.arange(length) for length in lengths])
    values = np.arange(len(symbol) * 5, dtype=np.float64).reshape(-1, 5) ** 2
    return PriceTable(tuple("ABCDEFGH"[: len(lengths)]), symbol, day, values)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=300))
def test_each_date_is_in_one_part_and_parts_follow_in_time(offsets: list[int]) -> None:
    day = np.datetime64("2020-01-01") + np.array(offsets)
    training, validation = split_by_date(day)
    part = np.where(training, 0, np.where(validation, 1, 2))
    assert not (training & validation).any()
    assert (np.diff(part[np.argsort(day, kind="stable")]) >= 0).all()
    assert len({(str(one), int(number)) for one, number in zip(day, part, strict=True)}) == len(np.unique(day))


def test_ten_dates_split_8_1_1() -> None:
    training, validation = split_by_date(table_of(10).day)
    assert training.tolist() == [True] * 8 + [False] * 2
    assert validation.tolist() == [False] * 8 + [True, False]


@given(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(1, 6))
def test_no_window_spans_two_symbols(lengths: list[int], window: int) -> None:
    table = table_of(*lengths)
    targets = np.flatnonzero(window_ends(table, window))
    assert len(targets) == sum(max(length - window, 0) for length in lengths)
    assert all(len(set(table.symbol[target - window : target + 1])) == 1 for target in targets)


def test_a_window_holds_the_rows_before_its_target_in_order() -> None:
    scaled = np.arange(50, dtype=np.float32).reshape(10, 5)
    windows = cut_windows(scaled, np.array([3, 9]), 3)
    assert np.array_equal(windows, [scaled[0:3], scaled[6:9]])


def test_scaling_gives_training_rows_mean_0_and_deviation_1_for_each_symbol() -> None:
    table = table_of(10, 10)
    training, _ = split_by_date(table.day)
    scaled = training_scaling(table, training, 3).apply(table).reshape(2, 10, 5)[:, :8]
    np.testing.assert_allclose(scaled.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=1), 1, atol=1e-6)


def test_a_symbol_without_enough_training_days_is_unknown_and_becomes_0() -> None:
    table = table_of(10, 3)
    scaling = training_scaling(table, split_by_date(table.day)[0], 3)
    assert scaling.known.tolist() == [True, False]
    assert (scaling.apply(table)[10:] == 0).all()
