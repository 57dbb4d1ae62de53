"""XGBoost on Dask within a memory limit: each worker's matrix is on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xgboost
from xgboost.dask import CommunicatorContext
from xgboost.tracker import RabitTracker

from manyhands.backends.dask.workers import Workers
from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.estimators.boosting_on_disk import prove_share, train_share
from manyhands.backends.estimators.shares import Slice, shares_of_all
from manyhands.data.fingerprint import Fingerprint
from manyhands.data.row_parts import Rows


class DaskBoostingOnDisk(BoostingEngine[list[list[Slice]]]):
    """`xgboost.train` in every worker; the workers join in one communicator as in xgboost.dask."""

    strategy = "xgboost.dask, external memory"

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        workers.each(import_here)

    def probe(self) -> list[dict[str, Any]]:
        return self.workers.probe()

    def load(self, rows: Rows) -> list[list[Slice]]:
        """The slices of each worker; no row is read here, because `train` reads the rows from disk."""
        return shares_of_all(rows, len(self.workers.addresses))

    def train(self, data: list[list[Slice]], parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        workers = len(self.workers.addresses)
        tracker = RabitTracker(workers, host_ip="127.0.0.1", sortby="task")
        tracker.start()
        given = [dict(tracker.worker_args())] * workers
        boosters = self.workers.each(train_here, data, [parameters] * workers, [rounds] * workers, given)
        tracker.wait_for()
        booster: xgboost.Booster = boosters[0]
        return booster

    def held(self, data: list[list[Slice]]) -> list[Fingerprint]:
        return self.workers.each(prove_share, data)


def import_here() -> None:
    """Does nothing itself; to call it, a worker imports this module and so XGBoost, before anything is timed."""


def train_here(pieces: Sequence[Slice], parameters: Mapping[str, Any], rounds: int, meeting: Mapping[str, Any]) -> Any:
    """Trains on this worker's slices `pieces`; returns the booster, which is the same in every worker."""
    from distributed import get_worker

    with CommunicatorContext(**meeting):
        return train_share(pieces, parameters, rounds, Path(get_worker().local_directory))
