"""Rows of numbers on disk, in parts. Estimators read all parts into memory, or one part at a time when memory is too small.

A part is one .npy file of features and, for labelled rows, one .npy file of labels. Workers open the parts themselves, so only
file names are sent to them.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.atomic_write import write_whole
from manyhands.errors import DataError

DAMAGE = (OSError, ValueError, EOFError, SyntaxError, TokenError, TypeError, OverflowError, RecursionError, MemoryError)
"""Errors of numpy's reader for a file that is damaged: its header is a text of Python."""
PART_BYTES = 8 << 20
"""Bytes of features in a part: small compared with a worker's memory, large compared with the cost of a task."""


def part_rows(columns: int, dtype: Any) -> int:
    """The number of rows in a part of about `PART_BYTES`."""
    return max(1, PART_BYTES // (columns * int(np.dtype(dtype).itemsize)))


@dataclass(frozen=True)
class Part:
    """The first `rows` rows of two .npy files. It holds plain values only, so it can be sent to a worker."""

    x_path: str
    y_path: str | None
    rows: int

    def x(self) -> NDArray[Any]:
        """Features (rows, columns), memory-mapped: they are read from disk when they are used."""
        return _mapped(self.x_path, (2,))[: self.rows]

    def y(self) -> NDArray[np.int32]:
        """Labels (rows,) from 0."""
        if self.y_path is None:
            raise DataError(f"{self.x_path}: these rows have no labels")
        return _mapped(self.y_path, (1,))[: self.rows]


def rows_stored(path: str) -> int:
    """The number of rows in an .npy file, from its header; raises DataError when the file is missing or damaged."""
    return len(_mapped(path, (1, 2)))


def _mapped(path: str, dimensions: tuple[int, ...]) -> NDArray[Any]:
    again = "remove its folder, and the next run makes it again"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's remarks on a damaged header
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"no file {path}; run again to have it made, on every machine that has workers") from None
    except DAMAGE as error:
        raise DataError(f"{path}: damaged ({error}); {again}") from None
    if array.ndim not in dimensions or array.dtype.kind not in "iuf":
        raise DataError(f"{path}: damaged (it has {array.ndim} dimensions of {array.dtype}); {again}")
    return array


@dataclass(frozen=True)
class Rows:
    """All rows of one role (training or held-out), in a fixed order over the parts."""

    parts: tuple[Part, ...]
    columns: tuple[str, ...]
    dtype: str
    """Type of the features: `float64` or `float32`."""

    def __len__(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def bytes(self) -> int:
        """Bytes that the features of all rows take in memory."""
        return len(self) * len(self.columns) * np.dtype(self.dtype).itemsize

    def first(self, rows: int) -> Rows:
        """The first `rows` rows, or all rows when there are fewer."""
        kept, room = [], rows
        for part in self.parts:
            if room <= 0:
                break
            kept.append(replace(part, rows=min(part.rows, room)))
            room -= part.rows
        return replace(self, parts=tuple(kept))

    def read_x(self) -> NDArray[Any]:
        """Features (rows, columns) of all parts in one array in memory; this is the only copy."""
        whole = np.empty((len(self), len(self.columns)), self.dtype)
        for part, place in self._places(whole):
            place[:] = part.x()
        return whole

    def read_y(self) -> NDArray[np.int32]:
        """Labels (rows,) of all parts in one array in memory."""
        whole = np.empty(len(self), np.int32)
        for part, place in self._places(whole):
            place[:] = part.y()
        return whole

    def _places(self, whole: NDArray[Any]) -> Iterator[tuple[Part, NDArray[Any]]]:
        start = 0
        for part in self.parts:
            yield part, whole[start : start + part.rows]
            start += part.rows

    def take(self, indices: NDArray[np.int64]) -> NDArray[Any]:
        """Features of the rows with these ascending numbers; reads at most one part at a time."""
        taken, start = [], 0
        for part in self.parts:
            low, high = np.searchsorted(indices, (start, start + part.rows))
            if high > low:
                taken.append(part.x()[indices[low:high] - start])
            start += part.rows
        return np.concatenate(taken)

    def sha256(self) -> str:
        """Hash of all features and labels, part by part."""
        digest = hashlib.sha256(",".join(self.columns).encode())
        for part in self.parts:
            digest.update(np.ascontiguousarray(part.x()).data)
            if part.y_path:
                digest.update(np.ascontiguousarray(part.y()).data)
        return digest.hexdigest()


def write_part(folder: Path, name: str, x: NDArray[Any], y: NDArray[Any] | None = None) -> Part:
    """Writes one part as `NAME-x.npy` and, with labels, `NAME-y.npy`; each file is written completely or not at all."""
    path = folder / f"{name}-x.npy"
    write_array(path, x)
    return Part(str(path), None if y is None else str(write_labels(folder, name, y)), len(x))


def write_labels(folder: Path, name: str, y: NDArray[Any]) -> Path:
    """Writes the labels of a part and returns the path of the file."""
    path = folder / f"{name}-y.npy"
    write_array(path, y.astype(np.int32))
    return path


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Writes a complete .npy file, or none."""
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    write_whole(path, [stream.getbuffer()])


def in_parts(x: NDArray[Any], y: NDArray[Any]) -> Iterable[tuple[NDArray[Any], NDArray[Any]]]:
    """The rows in pieces of the size of a part."""
    size = part_rows(x.shape[1], x.dtype)
    for start in range(0, len(x), size):
        yield x[start : start + size], y[start : start + size]
