"""Daily prices from a CSV file of either column layout, plain, .gz or .xz, as arrays sorted by symbol and date."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.inflate import AGAIN, damage, open_plain
from manyhands.data.number_table import SHOWN, as_floats
from manyhands.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

FEATURES = ("open", "high", "low", "close", "volume")
LAYOUTS = (
    {"date": "Date", "symbol": "Symbol", "open": "Open", "high": "High", "low": "Low", "close": "Close", "volume": "Volume"},
    {"date": "date", "symbol": "Name", "open": "open", "high": "high", "low": "low", "close": "close", "volume": "volume"},
)
BLANKS = ["", "NA", "NaN", "nan", "null"]


@dataclass(frozen=True)
class PriceTable:
    """Rows without blanks, sorted by symbol, then date; each symbol has each date at most once."""

    symbols: tuple[str, ...]
    """The symbols in alphabetical order."""
    symbol: NDArray[np.intp]
    """(rows,) index of each row's symbol in `symbols`."""
    day: NDArray[np.datetime64]
    """(rows,) trading date."""
    values: NDArray[np.float64]
    """(rows, 5) open, high, low, close, volume, in the file's units."""


def read_prices(path: Path, symbols: Sequence[str] = ()) -> PriceTable:
    """The prices of `symbols` in the CSV file `path`; empty means all symbols. Rows with a blank are left out.

    Raises DataError when the file is missing or damaged, lacks a column or a symbol, or has a bad number or date.
    """
    frame = _read_frame(path, _layout(path))
    rows_read = len(frame)
    frame = frame.dropna()
    if frame.empty:
        raise DataError(f"{path}: none of its {rows_read} rows has a date, a symbol, a price and a volume; use another file")
    frame = _only(path, frame, symbols)
    frame["symbol"] = frame["symbol"].cat.remove_unused_categories()
    frame = frame.sort_values(["symbol", "date"])
    repeated = frame.duplicated(["symbol", "date"])
    if repeated.any():
        row = frame[repeated].iloc[0]
        raise DataError(f"{path}: {row['symbol']} has more than one row for {row['date']:%Y-%m-%d}; leave one")
    codes = frame["symbol"].cat.codes.to_numpy().astype(np.intp)
    days = frame["date"].to_numpy().astype("datetime64[D]")
    return PriceTable(tuple(frame["symbol"].cat.categories), codes, days, frame[list(FEATURES)].to_numpy(np.float64))


def _layout(path: Path) -> dict[str, str]:
    """Our column name -> the file's column name, for the layout that matches the header."""
    found = [str(name) for name in _parse(path, nrows=0, dtype=str).columns]
    for layout in LAYOUTS:
        if set(layout.values()) <= set(found):
            return layout
    closest = max(LAYOUTS, key=lambda layout: len(set(layout.values()) & set(found)))
    missing = [name for name in closest.values() if name not in found]
    allowed = " or ".join(",".join(layout.values()) for layout in LAYOUTS)
    raise DataError(f"{path}: no column {', '.join(missing)} among {', '.join(found)}; needed: {allowed}")


def _read_frame(path: Path, layout: dict[str, str]) -> pd.DataFrame:
    """Columns date, symbol (categorical) and the features, numeric; blanks are NaN or NaT."""
    text = {layout[name]: "str" for name in ("date", "symbol")}  # as categories at once, 0700 would be the number 700
    blanks = {name: BLANKS if name not in text else [""] for name in layout.values()}
    frame = _parse(path, usecols=list(layout.values()), dtype=text, na_values=blanks, keep_default_na=False, low_memory=False)
    frame = frame.rename(columns={theirs: ours for ours, theirs in layout.items()})
    for name in ("date", "symbol"):
        frame[name] = frame[name].astype("category")
    for name in FEATURES:
        frame[name] = _numbers(path, layout[name], frame[name])
    frame["date"] = _dates(path, layout["date"], frame["date"])
    return frame


def _parse(path: Path, **options: Any) -> pd.DataFrame:
    import pandas as pd

    try:
        with open_plain(path) as stream:
            frame: pd.DataFrame = pd.read_csv(stream, encoding="utf-8-sig", **options)
            return frame
    except FileNotFoundError:
        raise DataError(f"no file {path}; 'manyhands data ls' shows what was found") from None
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, damage()) as error:
        raise DataError(f"{path}: damaged or truncated ({error}); {AGAIN}") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: empty; {AGAIN}") from None
    except (pd.errors.ParserError, UnicodeDecodeError, ValueError) as error:
        raise DataError(f"{path}: not a CSV table ({' '.join(str(error).split())}); {AGAIN}") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path") from None


def _numbers(path: Path, name: str, column: pd.Series[Any]) -> pd.Series[float]:
    import pandas as pd

    numbers = pd.Series(as_floats(column), index=column.index)
    wrong = (numbers.isna() & column.notna()) | np.isinf(numbers)
    if wrong.any():
        row = int(np.argmax(wrong.to_numpy()))
        raise DataError(
            f"{path}: column {name}, data row {row + 1}: {str(column.iloc[row])[:SHOWN]!r} is not a number; correct it, or leave it blank"
        )
    return numbers


def _dates(path: Path, name: str, column: pd.Series[Any]) -> pd.Series[Any]:
    """The dates of a column; each distinct text is parsed once."""
    import pandas as pd

    texts = column.cat.categories.astype(str)
    dates = pd.to_datetime(pd.Series(texts), format="%Y-%m-%d", errors="coerce")
    wrong = dates.isna().to_numpy()
    if wrong.any():
        raise DataError(f"{path}: column {name}: {texts[wrong][0]!r} is not a date; write dates as 2018-12-31")
    codes = column.cat.codes.to_numpy()
    values = dates.to_numpy()[codes] if len(dates) else np.full(len(codes), np.datetime64("NaT", "ns"))
    return pd.Series(np.where(codes >= 0, values, np.datetime64("NaT", "ns")), index=column.index)


def _only(path: Path, frame: pd.DataFrame, symbols: Sequence[str]) -> pd.DataFrame:
    if not symbols:
        return frame
    known = sorted(frame["symbol"].cat.categories)
    wrong = [symbol for symbol in symbols if symbol not in known]
    if wrong:
        shown = ", ".join(known[:10]) + (f", ... ({len(known)} in all)" if len(known) > 10 else "")
        raise DataError(f"{path}: no symbol {', '.join(wrong)}; known: {shown}")
    return frame[frame["symbol"].isin(list(symbols))]
