"""XGBoost on Dask within a memory limit: each worker's matrix lies on disk, and is filled from the parts one chunk at a time.

`xgboost.dask.train` holds a worker's whole share at once, spilled or not, as well as the matrix made of it. XGBoost's external
memory, between the same workers and through the same tracker, holds a few chunks, and some 40 bytes for each row of the share.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import xgboost
from xgboost.dask import CommunicatorContext
from xgboost.tracker import RabitTracker

from manyhands.backends._dask_estimators_rows import read_x, read_y, shares_of_all
from manyhands.backends._dask_estimators_workers import Workers
from manyhands.backends._estimators_boosting import BoostingEngine
from manyhands.backends._estimators_shares import Slice
from manyhands.data.fingerprint import Fingerprint, fingerprint, total
from manyhands.data.parts import Rows

Shares = list[list[Slice]]


class DaskBoostingOnDisk(BoostingEngine[Shares]):
    """`xgboost.train` in every worker, joined as xgboost.dask joins them."""

    strategy = "xgboost.dask, external memory"

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        workers.each(import_here)

    def probe(self) -> list[dict[str, Any]]:
        return self.workers.probe()

    def load(self, rows: Rows) -> Shares:
        """Nothing is read: the rows lie on disk, and it is there that `train` takes them from."""
        return shares_of_all(rows, len(self.workers.addresses))

    def train(self, data: Shares, parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        workers = len(self.workers.addresses)
        tracker = RabitTracker(workers, host_ip="127.0.0.1", sortby="task")
        tracker.start()
        given = [dict(tracker.worker_args())] * workers
        boosters = self.workers.each(train_share, data, [parameters] * workers, [rounds] * workers, given)
        tracker.wait_for()
        booster: xgboost.Booster = boosters[0]
        return booster

    def held(self, data: Shares) -> list[Fingerprint]:
        return self.workers.each(prove_share, data)


def import_here() -> None:
    """Nothing but what a worker imports in order to call it: this module, and XGBoost with it, before anything is timed."""


def train_share(pieces: Sequence[Slice], parameters: Mapping[str, Any], rounds: int, meeting: Mapping[str, Any]) -> Any:
    """The booster, the same in every worker, of which this one has `pieces`."""
    from distributed import get_worker

    with CommunicatorContext(**meeting):
        rows = Chunks(pieces, Path(get_worker().local_directory) / "matrix")
        matrix = xgboost.ExtMemQuantileDMatrix(rows, nthread=parameters["nthread"], max_bin=parameters["max_bin"])
        return xgboost.train(dict(parameters), matrix, rounds)


def prove_share(pieces: Sequence[Slice]) -> Fingerprint:
    """The fingerprint of the rows in `pieces`."""
    return total(fingerprint(read_x(piece), read_y(piece)) for piece in pieces)


class Chunks(xgboost.DataIter):
    """The chunks that XGBoost asks for one after the other, several times over; its own form of them lies at `cache`."""

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
