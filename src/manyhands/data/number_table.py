"""Columns of numbers from a text table, plain, .gz or .xz, read in chunks; a bad value gives an error that names its place."""

from __future__ import annotations

import gzip
import lzma
import re
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
SHOWN = 40
"""Signs of a value or a name that a message repeats."""
DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+([eE][-+]?\d+)?")


@dataclass(frozen=True)
class Layout:
    """The format of a text table."""

    separator: str = ","
    names: tuple[str, ...] = ()
    """Names of the columns when the file has no header line."""
    comment: str | None = None
    decimal: str = "."
    encoding: str = "utf-8"
    header: bool = True
    """False when the first line is data; without `names`, the columns are then called 1, 2, ..."""

    @property
    def reader_encoding(self) -> str:
        """The encoding for Python's readers, which take the byte-order mark of UTF-8 for a letter unless they know of it."""
        return "utf-8-sig" if self.encoding.lower() in ("utf-8", "utf8") else self.encoding


COMMAS = Layout()
SPACES = r"\s+"
"""The separator of columns with one or more spaces or tabs between them."""
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""The first bytes of a file in UTF-16."""
SEPARATED = (("semicolons", ";", "';'"), ("tabs", "\t", "tab"), ("commas", ",", "comma"))
"""Name of a separator, the sign, and its value for a shell."""


def read_header(path: Path, layout: Layout) -> list[str]:
    """The names of all columns; raises DataError when the file is missing, damaged or empty."""
    return [str(name) for name in next(read_chunks(path, layout, 1)).columns]


def read_chunks(path: Path, layout: Layout, rows: int, text: Sequence[str] = ()) -> Iterator[pd.DataFrame]:
    """The table in chunks of at most `rows` rows; the index counts data rows from 0. Columns named in `text` stay text.

    Raises DataError that names the file when it is missing, damaged, empty or no table.
    """
    import pandas as pd

    numbered = not layout.header and not layout.names
    options: dict[str, Any] = {} if layout.header and not layout.names else {"header": None, "names": list(layout.names) or None}
    try:
        with open_plain(path) as stream:
            reader = pd.read_csv(
                stream,
                sep=layout.separator,
                comment=layout.comment,
                decimal=layout.decimal,
                encoding=layout.reader_encoding,
                dtype=_text_columns(text, numbered),
                skipinitialspace=True,
                low_memory=False,
                chunksize=rows,
                **options,
            )
            found = 0
            for chunk in reader:
                if numbered:
                    chunk.columns = pd.Index([str(number) for number in range(1, len(chunk.columns) + 1)])
                if not isinstance(chunk.index, pd.RangeIndex):  # pandas takes the first of too many fields for the names of rows
                    raise DataError(
                        f"{path}: data row {found + 1} has more fields than the {len(chunk.columns)} columns of the header"
                        f"{likely(list(map(str, chunk.columns)), layout) or '; correct it'}"
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
        raise DataError(f"{path}: {_other_encoding(path, layout, error)}") from None
    except (pd.errors.ParserError, ValueError, OverflowError) as error:
        raise DataError(f"{path}: not a table ({' '.join(str(error).split())}); fetch it again, or correct it") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}; check the path") from None
    if not found:
        raise DataError(f"{path}: no data rows; fetch it again")


def _text_columns(names: Sequence[str], numbered: bool) -> dict[str | int, str]:
    """The columns that stay text, as pandas names them; a name that no numbered column has is refused when it is looked for."""
    if not numbered:
        return dict.fromkeys(names, "str")
    return {int(name) - 1: "str" for name in names if name.isdecimal()}


def likely(columns: Sequence[str], layout: Layout, value: object = "") -> str:
    """The likely cause when the columns of a table, or a value in it, look wrong, and the setting that helps; empty when there is none."""
    if layout.decimal == "." and layout.separator != "," and DECIMAL_COMMA.fullmatch(str(value).strip()):
        return "; if its numbers have a decimal comma, add --set decimal=,"
    seen = f"{''.join(columns)}{value}" if len(columns) < 3 else ""
    for name, sign, spelled in SEPARATED:
        if sign != layout.separator and sign in seen:
            return (
                f"; its columns seem to be separated by {name}: write it again with commas, and numbers with a decimal point, or add"
                f" --set separator={spelled} (and --set decimal=, where numbers have a decimal comma)"
            )
    if not layout.header and not layout.names:
        return "; its first line is data, so its columns are numbered: if it has the names, add --set header=names"
    return ""


def _other_encoding(path: Path, layout: Layout, error: UnicodeDecodeError) -> str:
    """The problem of a text that its encoding does not allow, with the likely one."""
    with open_plain(path) as stream:
        other = "utf-16" if stream.read(2) in UTF_16 else "latin-1"
    name = layout.encoding.upper()
    return (
        f"not {name} text ({error.reason} at byte {error.start}); write it again as UTF-8, or name its encoding,"
        f" such as --set encoding={other if other != layout.encoding.lower() else 'utf-8'}"
    )


def numbers(
    path: Path, chunk: pd.DataFrame, columns: Sequence[str], dtype: str, instead: str, layout: Layout = COMMAS
) -> NDArray[Any]:
    """The numbers of a chunk (rows, columns); raises DataError that names file, column and data row of a bad number.

    `instead`: advice for the error message, as an alternative to correcting the column.
    """
    import pandas as pd

    whole = np.empty((len(chunk), len(columns)), dtype)
    for position, name in enumerate(columns):
        given = chunk[name]
        if layout.decimal != "." and not pd.api.types.is_numeric_dtype(given):  # words among numbers leave the numbers as text
            given = given.astype("str").str.replace(layout.decimal, ".", regex=False).where(given.notna())
        values = as_floats(given)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
            whole[:, position] = values
        wrong = ~np.isfinite(whole[:, position])
        if wrong.any():
            row = int(np.argmax(wrong))
            value = chunk[name].iloc[row]
            what = "blank" if pd.isna(value) else f"{str(value)[:SHOWN]!r}, which is not a number"
            cause = likely([str(column) for column in chunk.columns], layout, value)
            raise DataError(
                f"{path}: column {name[:SHOWN]!r}, data row {int(given.index[row]) + 1} is {what}{cause or f'; correct it, or {instead}'}"
            )
    return whole


def as_floats(column: pd.Series[Any]) -> NDArray[np.float64]:
    """The numbers of a column (rows,); NaN where there is none, and infinite where one is too large."""
    import pandas as pd

    try:
        return pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    except OverflowError:  # whole numbers of hundreds of digits
        return np.array([_float(value) for value in column.astype(str)])


def _float(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return np.nan


def check_columns(path: Path, wanted: Sequence[str], found: Sequence[str], layout: Layout = COMMAS) -> None:
    """Raises DataError when a wanted column is missing."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise DataError(f"{path}: no column {' or '.join(map(repr, missing))}; it has {shown(found)}{likely(found, layout)}")


def shown(names: Sequence[str]) -> str:
    """The first few names, and the total number of names."""
    return ", ".join(name[:SHOWN] for name in names[:FEW]) + (f", ... ({len(names)} in all)" if len(names) > FEW else "")
