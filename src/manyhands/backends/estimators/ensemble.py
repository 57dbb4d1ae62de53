"""Kind `ensemble` on any engine: one task trains one member; the members then vote."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.base import Fit
from manyhands.backends.estimators.quality import score_classes
from manyhands.backends.estimators.run import data_folder, estimator_fit, start_run, workers_of, workload_of
from manyhands.backends.estimators.tasks import TaskEngine, by_worker, run_timed
from manyhands.plan import RunSpec
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.ensemble import EnsembleWorkload, fit_member


def ensemble_fit(spec: RunSpec, engine: TaskEngine) -> Fit:
    """One measured run of an ensemble on `engine`: its members in `train`; their prediction and the vote timed apart."""
    workload = workload_of(spec, EnsembleWorkload)  # type: ignore[type-abstract]  # compared with, not made
    passes = workload.passes(spec.epochs)
    _, clock = start_run(spec, engine, "sklearn.neural_network", "sklearn.metrics")

    arrays = workload.load(data_folder(spec)).training_rows(spec.total_samples)
    members = workload.member_rows(arrays, spec.seed)
    placed = _place_members(engine, workload, arrays, members)
    x_test = engine.place(arrays.x_test)
    clock.lap("load")

    tasks = [(workload, member, passes, spec.worker_batch_size, spec.seed, *placed[member]) for member in range(workload.fits)]
    models, reports = run_timed(engine, fit_member, tasks)
    clock.lap("train")

    probabilities = np.array(run_timed(engine, predict_member, [(workload, model, x_test) for model in models])[0])
    chosen = workload.vote(probabilities)
    predict_s = clock.lap("evaluate")
    names = [str(label) for label in np.unique(arrays.y_train)]
    y = np.searchsorted(np.unique(arrays.y_train), arrays.y_test)
    quality = score_classes(y, probabilities.mean(axis=0, dtype=np.float64), chosen, names)
    quality["member_accuracies"] = [float(np.mean(member.argmax(axis=1) == y)) for member in probabilities]
    workers = by_worker(workers_of(engine), reports, [len(rows) * passes for rows in members])
    described = arrays.describe(workload.data)
    clock.lap("evaluate")

    resolved = {
        "model": type(models[0]).__name__,
        "members": workload.fits,
        "cover": "single" if workload.single else workload.cover,
        "passes": passes,
        "rows_per_member": [len(rows) for rows in members],
        "row_visits": sum(len(rows) * passes for rows in members),
        "ties": workload.ties,
        "predict_s": predict_s,
    }
    return estimator_fit(spec, engine, clock, workers, resolved=resolved, quality=quality, data=described)


def _place_members(
    engine: TaskEngine, workload: EnsembleWorkload, arrays: Arrays, members: Sequence[NDArray[np.int64]]
) -> list[tuple[Any, Any]]:
    """The arguments that stand for the rows of each member; members that cover all rows share them."""
    if workload.single or workload.cover == "full":
        return [(engine.place(arrays.x_train), engine.place(arrays.y_train))] * len(members)
    return [(engine.place(arrays.x_train[rows]), engine.place(arrays.y_train[rows])) for rows in members]


def predict_member(workload: EnsembleWorkload, model: Any, x: NDArray[Any]) -> NDArray[np.float32]:
    """(rows, classes) probabilities of one member; `workload` is an argument because its file may define the model's class."""
    probabilities: NDArray[np.float32] = model.predict_proba(x).astype(np.float32)
    return probabilities
