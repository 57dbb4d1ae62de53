"""The function that Ray Train runs in each worker of a boosting run. The driver sends the steps: load rows, train, fingerprint.

`XGBoostTrainer.fit` starts workers, has them run one function, and ends them. Because that function takes its steps one by one,
the time of training contains neither the start of the workers nor the reading of rows.
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
    """An actor that passes the driver's steps to the workers, and their answers to the driver."""

    def __init__(self, workers: int) -> None:
        self.steps: list[asyncio.Queue[tuple[str, tuple[Any, ...]] | None]] = [asyncio.Queue() for _ in range(workers)]
        self.answers: list[asyncio.Queue[Any]] = [asyncio.Queue() for _ in range(workers)]

    async def next_step(self, rank: int) -> tuple[str, tuple[Any, ...]] | None:
        """Waits for the next step of a worker; the step and its arguments, or None when the worker must end."""
        return await self.steps[rank].get()

    async def answer(self, rank: int, value: Any) -> None:
        """Stores the result of a worker's last step."""
        self.answers[rank].put_nowait(value)

    async def ask(self, step: str, *arguments: Any) -> list[Any]:
        """Sends a step to all workers; their answers, by rank."""
        for steps in self.steps:
            steps.put_nowait((step, arguments))
        return [await answers.get() for answers in self.answers]

    async def dismiss(self) -> None:
        """Ends all workers once they have done their steps."""
        for steps in self.steps:
            steps.put_nowait(None)


def serve(job: dict[str, Any]) -> None:
    """Does steps until `dismiss` ends the worker. `job`: the StepQueue as `queue`, `workers` and `threads`."""
    queue, rank = job["queue"], ray.train.get_context().get_world_rank()
    set_threads(job["threads"], os.environ)
    worker = BoostingWorker(rank, job["workers"])
    while (given := ray.get(queue.next_step.remote(rank))) is not None:
        step, arguments = given
        ray.get(queue.answer.remote(rank, getattr(worker, step)(*arguments)))


class BoostingWorker:
    """One worker's steps, inside the group that Ray Train has formed for XGBoost."""

    def __init__(self, rank: int, workers: int) -> None:
        self.rank = rank
        self.workers = workers

    def probe(self) -> dict[str, Any]:
        """Host, threads and other facts of this process."""
        return probe()

    def load(self, rows: Rows) -> int:
        """Reads this worker's share into memory; returns its number of rows."""
        mine = shares(rows, self.workers)[self.rank]
        self.x = np.concatenate([np.empty((0, len(rows.columns)), rows.dtype), *(part.x()[low:high] for part, low, high in mine)])
        self.y = np.concatenate([np.empty(0, np.int32), *(part.y()[low:high] for part, low, high in mine)])
        return len(self.x)

    def train(self, parameters: dict[str, Any], rounds: int) -> bytes | None:
        """Trains together with the other workers; the booster on rank 0, None on the others."""
        booster = xgboost.train(parameters, xgboost.DMatrix(self.x, self.y, nthread=parameters["nthread"]), rounds)
        return bytes(booster.save_raw()) if self.rank == 0 else None

    def held(self) -> Fingerprint:
        """The fingerprint of the rows that this worker trained on."""
        return fingerprint(self.x, self.y)
