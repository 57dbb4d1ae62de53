"""The simulated prices: plausible bars whose volatility clusters."""

from __future__ import annotations

import numpy as np
import pytest

from manyhands.data.make import embedded
from manyhands.data.price_table import PriceTable, read_prices


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> PriceTable:
    from manyhands.data.prices import simulate_prices

    path = tmp_path_factory.mktemp("prices") / "prices.csv"
    path.write_bytes(b"".join(simulate_prices()))
    return read_prices(path)


def test_every_bar_is_possible(table: PriceTable) -> None:
    opening, high, low, close, volume = table.values.T
    assert (low > 0).all()
    assert (low <= np.minimum(opening, close)).all()
    assert (high >= np.maximum(opening, close)).all()
    assert (volume >= 1).all()


def test_eight_symbols_trade_on_the_same_1500_weekdays(table: PriceTable) -> None:
    assert np.bincount(table.symbol).tolist() == [1500] * 8
    assert len(np.unique(table.day)) == 1500
    assert np.is_busday(table.day).all()


def test_volatility_clusters_but_returns_do_not(table: PriceTable) -> None:
    """Absolute returns of neighbouring days go together (a known property of prices), signed ones hardly."""
    returns = np.diff(np.log(table.values[:, 3].reshape(8, -1)), axis=1)
    assert np.mean([_autocorrelation(np.abs(one)) for one in returns]) > 0.08
    assert abs(np.mean([_autocorrelation(one) for one in returns])) < 0.05
    assert 0.005 < returns.std() < 0.04


def _autocorrelation(values: np.ndarray) -> float:
    return float(np.corrcoef(values[:-1], values[1:])[0, 1])


def test_the_cached_file_has_the_first_layout() -> None:
    path = embedded("stocks") / "stocks" / "simulated_stocks.csv"
    assert path.read_text().startswith("Date,Symbol,Adj Close,Close,High,Low,Open,Volume\n2018-01-01,SIMA,")
