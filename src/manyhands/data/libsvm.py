"""LIBSVM text: `label index:value index:value ...`, indices ascend from 1, or from 0 in some files; zeros are left out."""

from __future__ import annotations

import io
import lzma
import re
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from manyhands.data.inflate import damage, open_plain
from manyhands.errors import DataError

FROM_0 = re.compile(rb"^[^#\n]*\s0+:", re.MULTILINE)
"""A row with an index 0: the file counts its columns from 0."""
ROW = re.compile(rb"[-+.\deE]+(\s+(qid|\d+):[-+.\deE]+)+")
START_BYTES = 2**16
MEMORY_SHARE = 0.5
"""Share of the free memory that the dense rows may take: training copies them once more."""


def read_libsvm(
    path: Path, features: int | None = None, first: int | None = None
) -> tuple[NDArray[np.float32], NDArray[np.float64], int]:
    """Dense x (rows, features), y (rows,) and the first index (0 or 1) of a plain, .gz or .xz file.

    `features` None means up to the highest index in the file; `first` None means 0 for a file with an index 0, else 1. Raises
    DataError that names the file and the row when the file is missing, damaged, has an index outside first..features, or does not
    fit in memory.
    """
    from sklearn.datasets import load_svmlight_file

    try:
        with open_plain(path) as stream:
            content = stream.read()
    except FileNotFoundError:
        raise DataError(f"no file {path}; 'manyhands data ls' shows what was found") from None
    except (OSError, EOFError, lzma.LZMAError, damage()) as error:
        raise DataError(f"{path}: cannot be read, or damaged ({error}); fetch it again") from None
    first = int(not FROM_0.search(content)) if first is None else first
    try:
        x, y = load_svmlight_file(io.BytesIO(content), n_features=features, zero_based=first == 0, dtype=np.float32)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{path}: {_first_fault(content, features, first) or error}; correct that row, or fetch the file again"
        ) from None
    if not x.shape[0]:
        raise DataError(f"{path}: no data rows; fetch it again")
    needed, free = 4 * x.shape[0] * x.shape[1], psutil.virtual_memory().available
    try:
        dense: NDArray[np.float32] | None = x.toarray() if needed <= MEMORY_SHARE * free else None
    except MemoryError:  # a limit of the process is below what the machine has
        dense = None
    if dense is None:
        raise DataError(
            f"{path}: {x.shape[0]} rows x {x.shape[1]} columns need {needed / 2**30:.1f} GiB as numbers of 4 bytes, and this machine"
            f" has {free / 2**30:.1f} GiB free, or less by a limit; the highest index is {x.shape[1] - 1 + first}: leave columns out, or correct it"
        )
    if not np.isfinite(dense).all():
        raise DataError(
            f"{path}: data row {int(np.argmin(np.isfinite(dense).all(axis=1))) + 1} holds no finite number; correct it"
        )
    return dense, y, first


def is_libsvm(path: Path) -> bool:
    """True when the first data row of a file is `label index:value ...`: the home page of LIBSVM gives its files no ending."""
    try:
        with open_plain(path) as stream:
            start = stream.read(START_BYTES)
    except (OSError, EOFError, lzma.LZMAError, damage()):
        return False
    lines = [line.partition(b"#")[0].strip() for line in start.splitlines()]
    return bool(ROW.fullmatch(next(filter(None, lines), b"")))


def _first_fault(content: bytes, features: int | None, first: int) -> str | None:
    """A description of the first bad row; needed because scikit-learn's error does not name the row."""
    row = 0
    for line in content.decode(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        row += 1
        last = -1
        for word in words[1:]:
            index = _index(word)
            if index is None:
                return f"data row {row} has {word!r}, which is not index:value"
            if index < first or (features is not None and index - first >= features):
                return f"data row {row} has index {index}, which is not in {first}..{'' if features is None else features - 1 + first}"
            if index <= last:
                return f"data row {row} has index {index} after {last}; indices ascend"
            last = index
    return None


def _index(word: str) -> int | None:
    index, separator, value = word.partition(":")
    try:
        float(value)
        return int(index) if separator else None
    except ValueError:
        return None


def feature_names(features: int) -> tuple[str, ...]:
    """`f1`, `f2`, ... as names for columns that have only numbers."""
    return tuple(f"f{number}" for number in range(1, features + 1))
