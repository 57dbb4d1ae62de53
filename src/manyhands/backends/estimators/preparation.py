"""Kind `preparation` on any engine: the same bytes and split; sums over the result must be equal on all engines."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import Generic

import numpy as np

from manyhands.backends.base import Fit
from manyhands.backends.estimators.run import (
    Data,
    Engine,
    cpu_between,
    data_folder,
    estimator_fit,
    start_run,
    workers_of,
    workload_of,
)
from manyhands.data.partition import Indices
from manyhands.measure.resources import tree_usage
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.preparation import PreparationWorkload, Prepared, Stored, sums


class PreparationEngine(Engine, ABC, Generic[Data]):
    """Preparing arrays on one engine."""

    @abstractmethod
    def load(self, stored: Stored) -> Data:
        """Brings the stored bytes to where `prepare` reads them: in memory, with no lazy step left."""

    @abstractmethod
    def prepare(self, data: Data, split: tuple[Indices, Indices]) -> Prepared:
        """Decoded, split and standardised arrays in this process's memory, as `prepare_plainly` gives: the `train` phase."""


def preparation_fit(spec: RunSpec, engine: PreparationEngine[Data]) -> Fit:
    """One measured run of a preparation workload on `engine`."""
    workload = workload_of(spec, PreparationWorkload)  # type: ignore[type-abstract]  # compared with, not made
    before, clock = start_run(spec, engine)
    usage = [{"after": "launch"} | tree_usage()]

    stored = workload.load(data_folder(spec), spec.total_samples)
    split = workload.split(len(stored.images), spec.seed)
    data = engine.load(stored)
    usage.append({"after": "load"} | tree_usage())  # taken outside `train`
    clock.lap("load")

    prepared = engine.prepare(data, split)
    clock.lap("train")
    usage.append({"after": "train"} | tree_usage())

    workers = cpu_between(before, workers_of(engine))
    digest = hashlib.sha256()
    for array in (stored.images, stored.labels):
        digest.update(np.ascontiguousarray(array).data)
    described = {
        "name": workload.data,
        "source": stored.source,
        "sha256": digest.hexdigest(),
        "rows": {"train": len(prepared.x_train), "validation": len(prepared.x_validation)},
    }
    quality = sums(prepared)
    clock.lap("evaluate")
    return estimator_fit(
        spec,
        engine,
        clock,
        workers,
        resolved={
            "rows_per_epoch": len(stored.images),
            "bytes_made": prepared.x_train.nbytes + prepared.x_validation.nbytes,
            "usage": usage,
        },
        quality=quality,
        data=described,
    )
