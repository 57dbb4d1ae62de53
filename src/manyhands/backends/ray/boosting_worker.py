"""What Ray Train runs in each worker of a boosting run: it reads its rows, trains and proves them, each when it is told to.

`XGBoostTrainer.fit` starts workers, has them run one function, and ends them. Told step by step, that function keeps the start
and the reading of rows out of what is timed as training.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import numpy as np
import ray
import ray.train
import xgboost

from manyhands.backends.estimators.run import probe
from manyhands.backends.estimators.shares import shares
from manyhands.data.fingerprint import Fingerprint, fingerprint
from manyhands.data.row_parts import Rows
from manyhands.measure.threads import set_threads


class StepQueue:
    """An actor that holds the driver's next steps for all workers, and each worker's answers."""

    def __init__(self, workers: int) -> None:
        self.orders: list[asyncio.Queue[tuple[str, tuple[Any, ...]] | None]] = [asyncio.Queue() for _ in range(workers)]
        self.answers: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in range(workers)]

    async def order(self, rank: int) -> tuple[str, tuple[Any, ...]] | None:
        """The next step of a worker and its arguments, once there is one; None when it is to end."""
        return await self.orders[rank].get()

    async def answer(self, rank: int, value: Any) -> None:
        """Takes what a worker has to say to its last order."""
        self.answers[rank].put_nowait(value)

    async def ask(self, step: str, *arguments: Any) -> list[Any]:
        """The answers of all workers to an order, by rank."""
        for orders in self.orders:
            orders.put_nowait((step, arguments))
        return [await answers.get() for answers in self.answers]

    async def dismiss(self) -> None:
        """Tells all workers to end."""
        for orders in self.orders:
            orders.put_nowait(None)


def serve(job: dict[str, Any]) -> None:
    """Takes steps until there are no more. `job`: `desk`, `workers` and `threads`."""
    desk, rank = job["desk"], ray.train.get_context().get_world_rank()
    set_threads(job["threads"], os.environ)
    worker = BoostingWorker(rank, job["workers"])
    while (order := ray.get(desk.order.remote(rank))) is not None:
        step, arguments = order
        ray.get(desk.answer.remote(rank, getattr(worker, step)(*arguments)))


class BoostingWorker:
    """One worker's steps, inside the group that Ray Train has formed for XGBoost."""

    def __init__(self, rank: int, workers: int) -> None:
        self.rank = rank
        self.workers = workers

    def probe(self) -> dict[str, Any]:
        """About this process."""
        return probe()

    def load(self, rows: Rows) -> int:
        """Reads this worker's share into memory; how many rows that are."""
        mine = shares(rows, self.workers)[self.rank]
        self.x = np.concatenate([np.empty((0, len(rows.columns)), rows.dtype), *(part.x()[low:high] for part, low, high in mine)])
        self.y = np.concatenate([np.empty(0, np.int32), *(part.y()[low:high] for part, low, high in mine)])
        return len(self.x)

    def train(self, parameters: dict[str, Any], rounds: int) -> bytes | None:
        """Trains together with the others; the booster from rank 0."""
        booster = xgboost.train(parameters, xgboost.DMatrix(self.x, self.y, nthread=parameters["nthread"]), rounds)
        return bytes(booster.save_raw()) if self.rank == 0 else None

    def held(self) -> Fingerprint:
        """Of the rows that it trained on."""
        return fingerprint(self.x, self.y)
