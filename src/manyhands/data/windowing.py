"""Turns a price table into windows: splits by date, scales with the training dates only, and cuts the windows.

In: a `PriceTable`. Out: the part of each row, the scaled table, and windows as arrays.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyhands.data.price_table import FEATURES, PriceTable

Floats = NDArray[np.float32]
Prices = NDArray[np.float64]
Flags = NDArray[np.bool_]
Positions = NDArray[np.intp]


@dataclass(frozen=True)
class Scaling:
    """Mean and deviation per symbol and feature (symbols, 5), from the training dates."""

    mean: Prices
    scale: Prices
    known: Flags
    """(symbols,) True when the symbol has more training dates than a window has days."""

    def apply(self, table: PriceTable) -> Floats:
        """The scaled values of the table (rows, 5); 0 for symbols with too few training dates."""
        scaled = np.zeros(table.values.shape, np.float32)
        rows = self.known[table.symbol]
        symbol = table.symbol[rows]
        with np.errstate(all="ignore"):  # the caller refuses what is not finite
            scaled[rows] = (table.values[rows] - self.mean[symbol]) / self.scale[symbol]
        return scaled


def split_by_date(day: NDArray[np.datetime64]) -> tuple[Flags, Flags]:
    """Two flags per row: True in the first 80 % of all dates; True in the next 10 %."""
    dates = np.unique(day)
    position = np.searchsorted(dates, day)
    training = position < len(dates) * 8 // 10
    return training, ~training & (position < len(dates) * 9 // 10)


def training_scaling(table: PriceTable, training: Flags, window: int) -> Scaling:
    """Mean and deviation of each symbol's training rows.

    A feature that is constant there is scaled with 1, so that it becomes 0 and not NaN.
    """
    shape = (len(table.symbols), len(FEATURES))
    mean, scale, known = np.zeros(shape), np.ones(shape), np.zeros(len(table.symbols), np.bool_)
    for number, start, end in zip(range(len(table.symbols)), *_spans(table), strict=True):
        seen = table.values[start:end][training[start:end]]
        known[number] = len(seen) > window
        if known[number]:
            with np.errstate(all="ignore"):  # the caller refuses what is not finite
                varies = np.ptp(seen, axis=0) > 0
                mean[number] = np.where(varies, seen.mean(axis=0), seen[0])
                scale[number] = np.where(varies, seen.std(axis=0), 1.0)
    return Scaling(mean, scale, known)


def window_ends(table: PriceTable, window: int) -> Flags:
    """True for each row that can be a target: `window` rows of its own symbol come before it."""
    starts, _ = _spans(table)
    flags: Flags = np.arange(len(table.symbol)) - starts[table.symbol] >= window
    return flags


def cut_windows(scaled: Floats, targets: Positions, window: int) -> Floats:
    """The `window` rows before each target, as (n, window, 5); this is the only copy of the data."""
    views = np.lib.stride_tricks.sliding_window_view(scaled, (window, len(FEATURES)))[:, 0]
    windows: Floats = views[targets - window]
    return windows


def _spans(table: PriceTable) -> tuple[Positions, Positions]:
    """The first row of each symbol, and one past its last row."""
    ends = np.searchsorted(table.symbol, np.arange(len(table.symbols) + 1))
    return ends[:-1], ends[1:]
