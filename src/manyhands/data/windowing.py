"""From a price table to windows: the split by date, the scaling that only training dates decide, and the cut.

In: a `PriceTable`. Out: which rows belong to which part, the scaled table, and windows as arrays.
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
    """Per symbol and feature (symbols, 5), from the training dates."""

    mean: Prices
    scale: Prices
    known: Flags
    """(symbols,) whether the symbol has more training dates than a window."""

    def apply(self, table: PriceTable) -> Floats:
        """The table's values (rows, 5), scaled; 0 for symbols that are not known."""
        scaled = np.zeros(table.values.shape, np.float32)
        rows = self.known[table.symbol]
        symbol = table.symbol[rows]
        scaled[rows] = (table.values[rows] - self.mean[symbol]) / self.scale[symbol]
        return scaled


def split_by_date(day: NDArray[np.datetime64]) -> tuple[Flags, Flags]:
    """Whether each row is in the first 80 % of all dates, and whether it is in the 10 % after them."""
    dates = np.unique(day)
    position = np.searchsorted(dates, day)
    training = position < len(dates) * 8 // 10
    return training, ~training & (position < len(dates) * 9 // 10)


def training_scaling(table: PriceTable, training: Flags, window: int) -> Scaling:
    """Mean and deviation of each symbol's training rows.

    A feature that never changes there is scaled with 1, so that it becomes 0 and not NaN.
    """
    shape = (len(table.symbols), len(FEATURES))
    mean, scale, known = np.zeros(shape), np.ones(shape), np.zeros(len(table.symbols), np.bool_)
    for number, start, end in zip(range(len(table.symbols)), *_spans(table), strict=True):
        seen = table.values[start:end][training[start:end]]
        known[number] = len(seen) > window
        if known[number]:
            varies = np.ptp(seen, axis=0) > 0
            mean[number] = np.where(varies, seen.mean(axis=0), seen[0])
            scale[number] = np.where(varies, seen.std(axis=0), 1.0)
    return Scaling(mean, scale, known)


def window_ends(table: PriceTable, window: int) -> Flags:
    """Whether each row has `window` rows of its own symbol before it, and so can be a target."""
    starts, _ = _spans(table)
    flags: Flags = np.arange(len(table.symbol)) - starts[table.symbol] >= window
    return flags


def cut_windows(scaled: Floats, targets: Positions, window: int) -> Floats:
    """The `window` rows before each target, as (n, window, 5); the only copy that is made."""
    views = np.lib.stride_tricks.sliding_window_view(scaled, (window, len(FEATURES)))[:, 0]
    windows: Floats = views[targets - window]
    return windows


def _spans(table: PriceTable) -> tuple[Positions, Positions]:
    """First row of each symbol, and the row after its last."""
    ends = np.searchsorted(table.symbol, np.arange(len(table.symbols) + 1))
    return ends[:-1], ends[1:]
