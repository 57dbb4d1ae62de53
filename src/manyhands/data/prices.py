"""The embedded prices: simulated daily bars with volatility clustering, as in real prices.

Daily log returns follow GARCH(1,1) (Bollerslev 1986): r_t = drift + s_t z_t and s_t^2 = omega + alpha (r_{t-1} - drift)^2 +
beta s_{t-1}^2, with omega chosen so that the long-run volatility is LONG_RUN. The shocks z_t are normal and correlated
between the symbols, as in a market.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SYMBOLS = ("SIMA", "SIMB", "SIMC", "SIMD", "SIME", "SIMF", "SIMG", "SIMH")
DAYS = 1500
FIRST_DAY = "2018-01-01"
HEADER = "Date,Symbol,Adj Close,Close,High,Low,Open,Volume"
DRIFT = 0.0003
"""Mean daily log return: about 8 % a year."""
LONG_RUN = 0.018
"""Daily volatility in the long run."""
ALPHA, BETA = 0.09, 0.89
SHARED = 0.4
"""Correlation of the shocks of two symbols."""
SEED = 60


def simulate_prices() -> Iterator[bytes]:
    """The lines of a CSV file: 8 symbols x 1500 business days, sorted by symbol, then date; always the same lines."""
    chance = np.random.default_rng(SEED)
    days = np.busday_offset(FIRST_DAY, np.arange(DAYS), roll="forward").astype(str)
    yield f"{HEADER}\n".encode()
    market = chance.standard_normal(DAYS)
    for symbol in SYMBOLS:
        shocks = np.sqrt(SHARED) * market + np.sqrt(1 - SHARED) * chance.standard_normal(DAYS)
        yield from _lines(symbol, days, *_returns(shocks), chance)


def _returns(shocks: Floats) -> tuple[Floats, Floats]:
    """Daily log returns (days,) and the volatility (days,) of each day's draw."""
    returns, volatility = np.empty(len(shocks)), np.empty(len(shocks))
    variance = LONG_RUN**2
    for day, shock in enumerate(shocks):
        volatility[day] = np.sqrt(variance)
        returns[day] = DRIFT + volatility[day] * shock
        variance = (1 - ALPHA - BETA) * LONG_RUN**2 + ALPHA * (returns[day] - DRIFT) ** 2 + BETA * variance
    return returns, volatility


def _lines(
    symbol: str, days: NDArray[np.str_], returns: Floats, volatility: Floats, chance: np.random.Generator
) -> Iterator[bytes]:
    """The bars of one symbol. A part of each day's move happens overnight; the daily range grows with the volatility."""
    first = chance.uniform(20, 200)
    close = first * np.exp(np.cumsum(returns))
    before = np.concatenate([[first], close[:-1]])
    opening = before * np.exp(0.3 * returns + 0.3 * volatility * chance.standard_normal(len(days)))
    high = np.maximum(opening, close) * np.exp(0.4 * volatility * np.abs(chance.standard_normal(len(days))))
    low = np.minimum(opening, close) * np.exp(-0.4 * volatility * np.abs(chance.standard_normal(len(days))))
    busy = 0.5 * np.abs(returns) / volatility + 0.3 * chance.standard_normal(len(days))
    volume = chance.uniform(1e6, 1e7) * np.exp(busy)
    for day, c, h, lo, o, v in zip(days, close, high, low, opening, volume, strict=True):
        yield f"{day},{symbol},{c:.2f},{c:.2f},{h:.2f},{lo:.2f},{o:.2f},{v:.0f}\n".encode()
