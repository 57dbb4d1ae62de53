"""What the data tests share: small price files."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pytest

COLUMNS = ("Date", "Symbol", "Adj Close", "Close", "High", "Low", "Open", "Volume")


@dataclass(frozen=True)
class Bar:
    """One row of a price file."""

    day: str
    symbol: str
    open: float
    high: float
    low: float
    close: float
    volume: float


@pytest.fixture
def bars() -> list[Bar]:
    """Three symbols on the same 50 dates, and a fourth that starts too late to train on."""
    chance = np.random.default_rng(3)
    dates = [str(date(2020, 1, 1) + timedelta(days=number)) for number in range(50)]
    return [
        _random_bar(day, symbol, chance)
        for symbol, first in (("CCC", 0), ("AAA", 0), ("LATE", 42), ("BBB", 0))
        for day in dates[first:]
    ]


def _random_bar(day: str, symbol: str, chance: np.random.Generator) -> Bar:
    opening, high, low, close = chance.uniform(10, 20, 4).round(2).tolist()
    return Bar(day, symbol, opening, high, low, close, float(chance.integers(1000, 9000)))


@pytest.fixture
def to_csv() -> Callable[[list[Bar]], str]:
    """Bars -> CSV text in the first layout."""

    def write(rows: list[Bar]) -> str:
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows([(b.day, b.symbol, 1, b.close, b.high, b.low, b.open, b.volume) for b in rows])
        return text.getvalue()

    return write
