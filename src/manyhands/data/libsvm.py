"""LIBSVM text: `label index:value index:value ...`, indices from 1 and ascending, zeros left out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manyhands.data.inflate import damage, open_plain
from manyhands.errors import DataError


def read_libsvm(path: Path, features: int | None = None) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Dense x (rows, features) and y (rows,) of a plain, .gz or .xz file; `features` None means the highest index in the file.

    Raises DataError that names the file and the row when the file is missing, damaged, or has an index outside 1..features.
    """
    from sklearn.datasets import load_svmlight_file

    try:
        with open_plain(path) as stream:
            content = stream.read()
    except FileNotFoundError:
        raise DataError(f"no file {path}; 'manyhands data ls' shows what was found") from None
    except (OSError, EOFError, damage()) as error:
        raise DataError(f"{path}: cannot be read, or damaged ({error}); fetch it again") from None
    try:
        x, y = load_svmlight_file(io.BytesIO(content), n_features=features, zero_based=False, dtype=np.float32)
    except (ValueError, OverflowError) as error:
        raise DataError(
            f"{path}: {_first_fault(content, features) or error}; correct that row, or fetch the file again"
        ) from None
    if not x.shape[0]:
        raise DataError(f"{path}: no data rows; fetch it again")
    dense: NDArray[np.float32] = x.toarray()
    if not np.isfinite(dense).all():
        raise DataError(
            f"{path}: data row {int(np.argmin(np.isfinite(dense).all(axis=1))) + 1} holds no finite number; correct it"
        )
    return dense, y


def _first_fault(content: bytes, features: int | None) -> str | None:
    """A description of the first bad row; needed because scikit-learn's error does not name the row."""
    row = 0
    for line in content.decode(errors="replace").splitlines():
        words = line.partition("#")[0].split()
        if not words:
            continue
        row += 1
        last = 0
        for word in words[1:]:
            index = _index(word)
            if index is None:
                return f"data row {row} has {word!r}, which is not index:value"
            if index < 1 or (features is not None and index > features):
                return f"data row {row} has index {index}, which is not in 1..{features or ''}"
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
