"""Gradient boosting with `ray`: Ray Train's XGBoostTrainer, driven step by step."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ray
import ray.train

from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.ray.failure import failure
from manyhands.backends.ray.workers import wait_actors_gone
from manyhands.data.fingerprint import Fingerprint
from manyhands.data.row_parts import Rows
from manyhands.errors import EngineError
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    import xgboost

LOOK_S = 0.5
"""Time between two checks for a failed worker while the driver waits for answers."""


class RayBoosting(BoostingEngine[int]):
    """`xgboost.train` in each worker of Ray Train, on rows that the worker has read itself.

    Until they end, XGBoost's workers listen on every interface of their machine; no engine can change that
    (https://github.com/dmlc/xgboost/issues/11551).
    """

    strategy = "Ray Train XGBoostTrainer"

    def __init__(self, queue: Any, fit: Future[Any]) -> None:
        self.queue = queue
        self.fit = fit

    def ask(self, step: str, *arguments: Any) -> list[Any]:
        """The answers of all workers, by rank; raises the error of a worker that failed."""
        pending = self.queue.ask.remote(step, *arguments)
        while not ray.wait([pending], timeout=LOOK_S)[0]:
            if self.fit.done():
                self.fit.result()
                raise EngineError(f"ray ended its workers before they could {step}")
        answers: list[Any] = ray.get(pending)
        return answers

    def probe(self) -> list[dict[str, Any]]:
        return self.ask("probe")

    def load(self, rows: Rows) -> int:
        return sum(self.ask("load", rows))

    def train(self, data: int, parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        import xgboost

        return xgboost.Booster(model_file=bytearray(self.ask("train", parameters, rounds)[0]))

    def held(self, data: int) -> list[Fingerprint]:
        return self.ask("held")


@contextmanager
def open_boosting(spec: RunSpec, run_config: Any) -> Iterator[RayBoosting]:
    """Starts the workers of a trainer, which wait for their steps; Ray Train ends them at the end."""
    import ray.train.xgboost

    from manyhands.backends.ray.boosting_worker import StepQueue, serve

    queue: Any = ray.remote(num_cpus=0)(StepQueue).remote(spec.workers)
    train: Any = ray.train  # Ray's types describe version 1 of Ray Train, but version 2 runs
    trainer = train.xgboost.XGBoostTrainer(
        serve,
        train_loop_config={"queue": queue, "workers": spec.workers, "threads": spec.threads},
        scaling_config=train.ScalingConfig(num_workers=spec.workers, resources_per_worker={"CPU": spec.threads}),
        run_config=run_config,
    )
    with ThreadPoolExecutor(1) as thread:
        fit = thread.submit(trainer.fit)
        try:
            yield RayBoosting(queue, fit)
            ray.get(queue.dismiss.remote())
            fit.result()
        except train.TrainingFailedError as error:
            raise failure(error) from error
        finally:
            queue.dismiss.remote()
    wait_actors_gone("RayTrainWorker")
