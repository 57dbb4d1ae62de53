"""Kind `clustering` on any engine: the same points, the same start, our labels and scores."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.base import Fit
from manyhands.backends.estimators.quality import score_clusters
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
from manyhands.measure.resources import tree_usage
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.clustering import ClusteringWorkload, Start


@dataclass(frozen=True)
class Clusters:
    """The result of an engine: `centres` (clusters, columns) and the number of iterations."""

    centres: NDArray[np.float64]
    iterations: int


class ClusteringEngine(RowsEngine[Data]):
    """K-means on one engine."""

    @abstractmethod
    def train(self, data: Data, start: Start) -> Clusters:
        """The engine's own K-means call only: this is the `train` phase."""


def clustering_fit(spec: RunSpec, engine: ClusteringEngine[Data]) -> Fit:
    """One measured run of a clustering workload on `engine`."""
    workload = workload_of(spec, ClusteringWorkload)  # type: ignore[type-abstract]  # compared with, not made
    before, clock = start_run(spec, engine, "sklearn.cluster", "sklearn.metrics")
    usage = [{"after": "launch"} | tree_usage()]

    points = workload.load(data_folder(spec), spec.total_samples)
    start = workload.start(points.rows, spec.seed)
    data = engine.load(points.rows)
    usage.append({"after": "load"} | tree_usage())  # taken outside `train`
    clock.lap("load")

    clusters = engine.train(data, start)
    clock.lap("train")
    usage.append({"after": "train"} | tree_usage())

    workers = cpu_between(before, workers_of(engine))
    held = engine.held(data)
    proof = prove_rows(spec, points.rows, held)
    centres = np.asarray(clusters.centres, np.float64)
    if centres.shape != (workload.clusters, len(points.rows.columns)):
        raise EngineError(f"{spec.backend} returned centres of shape {centres.shape} for {workload.clusters} clusters")
    scored = score_clusters(points.rows, centres)
    described = describe_rows(workload.data, points.source, points.rows)
    clock.lap("evaluate")

    return estimator_fit(
        spec,
        engine,
        clock,
        with_rows(workers, spec, held),
        resolved=proof
        | scored.resolved
        | {"iterations": clusters.iterations, "init": workload.init, "columns": points.rows.columns, "usage": usage},
        quality=scored.quality,
        data=described,
        init_sha256=None if start.centres is None else hashlib.sha256(start.centres.tobytes()).hexdigest(),
    )
