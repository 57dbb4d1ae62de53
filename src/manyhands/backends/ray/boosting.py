"""`ray` for estimators that train on rows: Ray Train's XGBoost trainer."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import ray
import ray.train

from manyhands.backends.estimators.boosting import BoostingEngine
from manyhands.backends.ray.actors import wait_actors_gone
from manyhands.backends.ray.failure import failure
from manyhands.data.fingerprint import Fingerprint
from manyhands.data.row_parts import Rows
from manyhands.errors import EngineError
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    import xgboost

LOOK_S = 0.5
"""How often it is looked, while workers answer, whether one has failed."""


class RayBoosting(BoostingEngine[int]):
    """`xgboost.train` in each worker of Ray Train, on rows that it has read itself.

    Until they end, XGBoost's workers listen on every interface of their machine: no engine can tell it otherwise
    (https://github.com/dmlc/xgboost/issues/11551).
    """

    strategy = "Ray Train XGBoostTrainer"

    def __init__(self, desk: Any, fit: Future[Any]) -> None:
        self.desk = desk
        self.fit = fit

    def ask(self, step: str, *arguments: Any) -> list[Any]:
        """The answers of all workers, by rank; raises what made one of them fail."""
        asked = self.desk.ask.remote(step, *arguments)
        while not ray.wait([asked], timeout=LOOK_S)[0]:
            if self.fit.done():
                self.fit.result()
                raise EngineError(f"ray ended its workers before they could {step}")
        answers: list[Any] = ray.get(asked)
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
    """The workers of a trainer, started and waiting for their steps; ended by Ray Train at the end."""
    import ray.train.xgboost

    from manyhands.backends.ray.boosting_worker import StepQueue, serve

    desk: Any = ray.remote(num_cpus=0)(StepQueue).remote(spec.workers)
    train: Any = ray.train  # its types are those of version 1; what runs is version 2
    trainer = train.xgboost.XGBoostTrainer(
        serve,
        train_loop_config={"desk": desk, "workers": spec.workers, "threads": spec.threads},
        scaling_config=train.ScalingConfig(num_workers=spec.workers, resources_per_worker={"CPU": spec.threads}),
        run_config=run_config,
    )
    with ThreadPoolExecutor(1) as thread:
        fit = thread.submit(trainer.fit)
        try:
            yield RayBoosting(desk, fit)
            ray.get(desk.dismiss.remote())
            fit.result()
        except train.TrainingFailedError as error:
            raise failure(error) from error
        finally:
            desk.dismiss.remote()
    wait_actors_gone("RayTrainWorker")
