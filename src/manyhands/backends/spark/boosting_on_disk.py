"""XGBoost on Spark within a memory limit: each worker's matrix is on disk."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xgboost
from pyspark import BarrierTaskContext, SparkFiles
from xgboost.collective import CommunicatorContext
from xgboost.tracker import RabitTracker

from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.estimators.boosting_on_disk import prove_share, train_share
from manyhands.backends.estimators.shares import Slice, shares_of_all
from manyhands.backends.spark.rows import in_slots, probe_slots
from manyhands.data.fingerprint import Fingerprint
from manyhands.data.row_parts import Rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class SparkBoostingOnDisk(BoostingEngine[list[list[Slice]]]):
    """`xgboost.train` in a barrier task for each worker; the tasks join in one communicator as in xgboost.spark."""

    strategy = "xgboost.spark, external memory"

    def __init__(self, session: SparkSession, workers: int) -> None:
        self.session = session
        self.workers = workers

    def probe(self) -> list[dict[str, Any]]:
        return probe_slots(self.session, self.workers, (__name__,))

    def load(self, rows: Rows) -> list[list[Slice]]:
        """The slices of each worker; no row is read here, because `train` reads the rows from disk."""
        return shares_of_all(rows, self.workers)

    def train(self, data: list[list[Slice]], parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        def train_here(rank: int) -> str | None:
            with tempfile.TemporaryDirectory(dir=SparkFiles.getRootDirectory()) as folder, joined():
                booster = train_share(data[rank], parameters, rounds, Path(folder))
            return booster.save_raw("json").decode() if rank == 0 else None

        trained, *_ = in_slots(self.session, self.workers, train_here)
        return xgboost.Booster(model_file=bytearray(trained, "utf-8"))

    def held(self, data: list[list[Slice]]) -> list[Fingerprint]:
        found = in_slots(self.session, self.workers, lambda rank: astuple(prove_share(data[rank])))
        return [Fingerprint(rows, tuple(sums)) for rows, sums in found]


@contextmanager
def joined() -> Iterator[None]:
    """Joins this task to XGBoost's communicator of all tasks; the tracker runs in the first task, as in xgboost.spark."""
    task = BarrierTaskContext.get()
    rank, tasks = task.partitionId(), task.getTaskInfos()
    tracker = None
    if rank == 0:
        tracker = RabitTracker(len(tasks), host_ip=tasks[0].address.split(":")[0], sortby="task")
        tracker.start()
    meeting, *_ = task.allGather(json.dumps(tracker.worker_args()) if tracker else "")
    with CommunicatorContext(**json.loads(meeting), dmlc_task_id=str(rank)):
        yield
    if tracker:
        tracker.wait_for()
