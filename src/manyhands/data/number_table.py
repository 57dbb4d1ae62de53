"""Columns of numbers from a text table, plain, .gz or .xz, read in chunks; a bad value gives an error that names its place."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.inflate import damage, open_plain
from manyhands.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

FEW = 12
"""The largest number of column names shown in an error message."""


@dataclass(frozen=True)
class Layout:
    """The format of a text table."""

    separator: str = ","
    names: tuple[str, ...] = ()
    """Names of the columns when the file has no header line."""
    comment: str | None = None


COMMAS = Layout()


def read_header(path: Path, layout: Layout) -> list[str]:
    """The names of all columns; raises DataError when the file is missing, damaged or empty."""
    return [str(name) for name in next(read_chunks(path, layout, 1)).columns]


def read_chunks(path: Path, layout: Layout, rows: int, text: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """The table in chunks of at most `rows` rows; the index counts data rows from 0. Columns named in `text` stay text.

    Raises DataError that names the file when it is missing, damaged, empty or no table.
    """
    import pandas as pd

    options: dict[str, Any] = {"names": list(layout.names), "header": None} if layout.names else {}
    try:
        with open_plain(path) as stream:
            reader = pd.read_csv(
                stream,
                sep=layout.separator,
                comment=layout.comment,
                encoding="utf-8-sig",
                dtype=dict.fromkeys(text, "str"),
                skipinitialspace=True,
                low_memory=False,
                chunksize=rows,
                **options,
            )
            found = 0
            for chunk in reader:
                if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes the first of too many fields for the names of rows
                    raise DataError(
                        f"{path}: data row {found + 1} has more fields than the {len(chunk.columns)} columns of the header"
                        f"{_likely(list(map(str, chunk.columns)))}"
                    )
                found += len(chunk)
                yield chunk
    except FileNotFoundError:
        raise DataError(f"no file {path}; 'manyhands data ls' shows what was found") from None
    except (EOFError, lzma.LZMAError, gzip.BadGzipFile, damage()) as error:
        raise DataError(f"{path}: damaged or truncated ({error}); fetch it again") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"{path}: empty; fetch it again") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start}); write it again as UTF-8") from None
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: not a table ({' '.join(str(error).split())}); fetch it again, or correct it") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path") from None
    if not found:
        raise DataError(f"{path}: no data rows; fetch it again")


def _likely(columns: Sequence[str]) -> str:
    """The likely cause of too many fields, and what to do."""
    for name, sign in (("semicolons", ";"), ("tabs", "\t")):
        if len(columns) < 3 and sign in "".join(columns):
            return f"; its columns seem to be separated by {name}: write it again with commas, and numbers with a decimal point"
    return "; correct it"


def numbers(path: Path, chunk: pd.DataFrame, columns: Sequence[str], dtype: str, instead: str) -> NDArray[Any]:
    """The numbers of a chunk (rows, columns); raises DataError that names file, column and data row of a bad number.

    `instead`: advice for the error message, as an alternative to correcting the column.
    """
    import pandas as pd

    whole = np.empty((len(chunk), len(columns)), dtype)
    for position, name in enumerate(columns):
        given = chunk[name]
        values = pd.to_numeric(given, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        whole[:, position] = values
        wrong = ~np.isfinite(whole[:, position])
        if wrong.any():
            row = int(np.argmax(wrong))
            what = "blank" if pd.isna(given.iloc[row]) else f"{str(given.iloc[row])!r}, which is not a number"
            raise DataError(f"{path}: column {name!r}, data row {int(given.index[row]) + 1} is {what}; correct it, or {instead}")
    return whole


def check_columns(path: Path, wanted: Sequence[str], found: Sequence[str]) -> None:
    """Raises DataError when a wanted column is missing."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(f"{path}: no column {' or '.join(map(repr, missing))}; it has {shown(found)}")


def shown(names: Sequence[str]) -> str:
    """The first few names, and the total number of names."""
    return ", ".join(names[:FEW]) + (f", ... ({len(names)} in all)" if len(names) > FEW else "")
