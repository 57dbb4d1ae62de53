"""XGBoost within a memory limit: a worker's matrix is on disk, and is filled from the parts one chunk at a time.

`xgboost.dask` and `xgboost.spark` hold a worker's whole share in memory, and the matrix made of it. XGBoost's external memory, with
the same workers and the same tracker, holds a few chunks, and about 40 bytes for each row of the share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xgboost

from manyhands.backends.estimators.shares import Slice, read_x, read_y
from manyhands.data.fingerprint import Fingerprint, fingerprint, total


def train_share(pieces: Sequence[Slice], parameters: Mapping[str, Any], rounds: int, folder: Path) -> xgboost.Booster:
    """The booster, equal in all workers; this worker trains on `pieces`, with its matrix in `folder`.

    Call it while XGBoost's communicator of all workers is open.
    """
    rows = Chunks(pieces, folder / "matrix")
    matrix = xgboost.ExtMemQuantileDMatrix(rows, nthread=parameters["nthread"], max_bin=parameters["max_bin"])
    return xgboost.train(dict(parameters), matrix, rounds)


def prove_share(pieces: Sequence[Slice]) -> Fingerprint:
    """The fingerprint of the rows in `pieces`."""
    return total(fingerprint(read_x(piece), read_y(piece)) for piece in pieces)


class Chunks(xgboost.DataIter):
    """The chunks that XGBoost reads one after the other, several times; XGBoost writes its own form of them to `cache`."""

    def __init__(self, pieces: Sequence[Slice], cache: Path) -> None:
        self.pieces = pieces
        self.at = 0
        super().__init__(cache_prefix=str(cache), release_data=True)

    def next(self, input_data: Callable[..., Any]) -> bool:
        if self.at == len(self.pieces):
            return False
        piece = self.pieces[self.at]
        input_data(data=read_x(piece), label=read_y(piece))
        self.at += 1
        return True

    def reset(self) -> None:
        self.at = 0
