"""Daily prices as training windows: the five features of `window` days, and the close of the next day.

Windows are split by the date of the target: the first 80 % of all trading dates train, the next 10 % validate, the last 10 %
test. Inputs of a later part may include days of an earlier part; targets never do. Each symbol's features are scaled with the
mean and deviation of its training dates only, and no window spans two symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from manyhands.data.folder import first_file
from manyhands.data.make import SIMULATED_PRICES, embedded
from manyhands.data.price_table import FEATURES, PriceTable, read_prices
from manyhands.data.windowing import Floats, Prices, Scaling, cut_windows, split_by_date, training_scaling, window_ends
from manyhands.errors import DataError, UsageError

FOLDERS = ("sp500", "stocks")
DEFAULTS = ("sp500_stocks_aes_all_ccl_gis.csv", "sp500_stocks.csv", "all_stocks_5yr.csv", SIMULATED_PRICES)
SUFFIXES = ("", ".gz", ".xz")
CLOSE = FEATURES.index("close")


@dataclass(frozen=True)
class Windows:
    """Inputs (n, window, 5) and targets (n,), float32, scaled, sorted by symbol, then date. Prices are float64, as in the file."""

    x_train: Floats
    y_train: Floats
    x_validation: Floats
    y_validation: Floats
    x_test: Floats
    y_test: Floats
    """The scaled close of the day after the window."""
    mean_test: Prices
    """(n,) mean close of each test row's symbol: price = y * scale + mean."""
    scale_test: Prices
    last_close_test: Prices
    """(n,) price of the day before the target; it is the naive forecast "tomorrow = today"."""
    symbols: tuple[str, ...]
    """The symbols in the windows; by default all symbols with enough training days for a window."""
    source: str
    """The file, or `embedded prices`."""

    def prices_test(self, scaled: Floats | Prices) -> Prices:
        """Converts scaled closes of the test rows (n,) to prices."""
        return scaled.astype(np.float64) * self.scale_test + self.mean_test


def load_windows(data_dir: Path | None, window: int = 60, symbols: tuple[str, ...] = (), file: str | None = None) -> Windows:
    """Windows over the prices in `data_dir/sp500` or `data_dir`; None means the embedded prices, generated on first use.

    `file`: another CSV file than the known names. `symbols`: the symbols to use. A window of five features takes `20 * window`
    bytes; all 1.75 million rows of 501 symbols take 2 GB, so choose some symbols. Raises DataError that names the file when it
    is missing, damaged or too small.
    """
    if window < 1:
        raise UsageError(f"a window of {window} days is not a whole number above 0")
    path = stocks_file(data_dir, file)
    table = read_prices(path, symbols)
    training, validation = split_by_date(table.day)
    scaling = training_scaling(table, training, window)
    _check_enough(path, table, scaling, window, symbols)
    scaled = scaling.apply(table)
    if not np.isfinite(scaled).all():
        row = int(np.argmin(np.isfinite(scaled).all(axis=1)))
        raise DataError(
            f"{path}: {table.symbols[table.symbol[row]]} on {table.day[row]} has a number that is too far from the others; correct it"
        )
    targets = window_ends(table, window) & scaling.known[table.symbol]
    parts = {
        "train": np.flatnonzero(targets & training),
        "validation": np.flatnonzero(targets & validation),
        "test": np.flatnonzero(targets & ~training & ~validation),
    }
    for part, rows in parts.items():
        if not len(rows):
            raise DataError(f"{path}: too few dates for {part} windows of {window} days; use a longer file or a smaller window")
    test = parts["test"]
    return Windows(
        **{f"x_{part}": cut_windows(scaled, rows, window) for part, rows in parts.items()},
        **{f"y_{part}": scaled[rows, CLOSE] for part, rows in parts.items()},
        mean_test=scaling.mean[table.symbol[test], CLOSE],
        scale_test=scaling.scale[table.symbol[test], CLOSE],
        last_close_test=table.values[test - 1, CLOSE],
        symbols=tuple(np.array(table.symbols)[scaling.known].tolist()),
        source="embedded prices" if data_dir is None and file is None else str(path),
    )


def stocks_file(data_dir: Path | None, file: str | None = None) -> Path:
    """The CSV file that `load_windows` reads; raises DataError when there is none."""
    if data_dir is None:
        return Path(file) if file else embedded("stocks") / "stocks" / SIMULATED_PRICES
    folders = [*(data_dir / folder for folder in FOLDERS), data_dir]
    path = first_file(folders, [file] if file else file_names())
    if path is None:
        wanted = file or " or ".join(f"{name}[{'|'.join(SUFFIXES[1:])}]" for name in DEFAULTS[:-1])
        raise DataError(f"no file {wanted} in {data_dir / FOLDERS[0]} or {data_dir}; put one there, or name another")
    return path


def file_names() -> list[str]:
    """The file names to look for, best first."""
    return [name + suffix for name in DEFAULTS for suffix in SUFFIXES]


def _check_enough(path: Path, table: PriceTable, scaling: Scaling, window: int, chosen: Sequence[str]) -> None:
    short = [symbol for symbol, known in zip(table.symbols, scaling.known, strict=True) if not known]
    if scaling.known.any() and not (chosen and short):
        return
    raise DataError(
        f"{path}: {len(table.day)} rows; a window of {window} days needs more than {window} training dates"
        f" of {', '.join(short[:5])};"
        " use a longer file, other symbols or a smaller window"
    )
