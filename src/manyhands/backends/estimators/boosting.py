"""Kind `boosting` on any engine: the same rows and parameters, our prediction and scores."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.base import Fit
from manyhands.backends.estimators.quality import score_classes
from manyhands.backends.estimators.run import (
    Data,
    RowsEngine,
    cpu_between,
    data_folder,
    describe_rows,
    estimator_fit,
    prove_rows,
    start_run,
    with_rows,
    workers_of,
    workload_of,
)
from manyhands.errors import EngineError
from manyhands.measure.phases import now
from manyhands.measure.resources import tree_usage
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.boosting import BoostingWorkload

if TYPE_CHECKING:
    import xgboost


class BoostingEngine(RowsEngine[Data]):
    """Gradient-boosted trees on one engine."""

    @abstractmethod
    def train(self, data: Data, parameters: dict[str, Any], rounds: int) -> xgboost.Booster:
        """The engine's own call with these parameters and rounds, from rows in memory to a trained booster: the `train` phase.

        Building XGBoost's matrix is part of it, because Spark's estimators do that inside `fit`.
        """


def boosting_fit(spec: RunSpec, engine: BoostingEngine[Data]) -> Fit:
    """One measured run of a boosting workload on `engine`."""
    workload = workload_of(spec, BoostingWorkload)  # type: ignore[type-abstract]  # compared with, not made
    before, clock = start_run(spec, engine, "xgboost", "sklearn.metrics")
    usage = [{"after": "launch"} | tree_usage()]

    table = workload.load(data_folder(spec), spec.total_samples)
    parameters = workload.parameters(len(table.classes), spec.seed, spec.threads)
    data = engine.load(table.train)
    usage.append({"after": "load"} | tree_usage())  # taken outside `train`
    clock.lap("load")

    booster = engine.train(data, parameters, workload.rounds)
    clock.lap("train")
    usage.append({"after": "train"} | tree_usage())

    workers = cpu_between(before, workers_of(engine))
    held = engine.held(data)
    proof = prove_rows(spec, table.train, held)
    if booster.num_features() != len(table.train.columns):
        raise EngineError(
            f"{spec.backend} trained on {booster.num_features()} columns; the table has {len(table.train.columns)} without its label"
        )
    if (learnt := objective_of(booster)) != parameters["objective"]:
        raise EngineError(f"{spec.backend} trained for {learnt}, not for {parameters['objective']} as all engines do")
    began = now()
    probabilities = np.concatenate([predict(booster, part.x(), spec.threads) for part in table.test.parts])
    predict_s = now() - began
    quality = score_classes(table.test.read_y(), probabilities, probabilities.argmax(axis=1), table.classes)
    described = describe_rows(workload.data, table.source, table.train, table.test)
    clock.lap("evaluate")

    return estimator_fit(
        spec,
        engine,
        clock,
        with_rows(workers, spec, held),
        resolved=proof
        | {"rounds": booster.num_boosted_rounds(), "parameters": parameters, "columns": len(table.train.columns)}
        | {"label": table.label, "classes": table.classes, "predict_s": predict_s, "usage": usage},
        quality=quality,
        data=described,
    )


def objective_of(booster: xgboost.Booster) -> str:
    """The objective that a booster was trained for."""
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])


def predict(booster: xgboost.Booster, x: NDArray[Any], threads: int) -> NDArray[np.float64]:
    """(rows, classes): the probabilities of a booster, on whichever engine it was trained."""
    import xgboost

    booster.set_param({"nthread": threads})
    booster.feature_names = None  # engines name columns differently; their order is the same
    given = booster.predict(xgboost.DMatrix(x, nthread=threads)).astype(np.float64)
    return given if given.ndim == 2 else np.column_stack([1 - given, given])
