"""Kind `search` on any engine: one task scores one candidate on one fold; the best candidate is trained again on all rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from manyhands.backends.base import Fit
from manyhands.backends.estimators.quality import score_classes
from manyhands.backends.estimators.run import data_folder, estimator_fit, start_run, workers_of, workload_of
from manyhands.backends.estimators.tasks import TaskEngine, by_worker, run_timed
from manyhands.measure.phases import now
from manyhands.plan import RunSpec
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.search import SearchWorkload, best, score_candidate


def search_fit(spec: RunSpec, engine: TaskEngine) -> Fit:
    """One measured run of a search on `engine`: all candidates on all folds in `train`; the best is refitted outside it."""
    workload = workload_of(spec, SearchWorkload)  # type: ignore[type-abstract]  # compared with, not made
    _, clock = start_run(spec, engine, "sklearn.ensemble", "sklearn.metrics")

    arrays = workload.load(data_folder(spec), spec.total_samples)
    candidates, folds = workload.candidates(), workload.splits(arrays, spec.seed)
    x, y = engine.place(arrays.x_train), engine.place(arrays.y_train)
    clock.lap("load")

    tasks = [(workload, settings, fold, spec.seed, spec.threads, x, y) for settings in candidates for fold in folds]
    results, reports = run_timed(engine, score_candidate, tasks)
    clock.lap("train")

    scores = np.reshape(results, (len(candidates), len(folds)))
    chosen = candidates[best(scores)]
    refit_s, quality = _refit(workload, chosen, spec, arrays)
    workers = by_worker(workers_of(engine), reports, [len(train) for _ in candidates for train, _ in folds])
    described = arrays.describe(workload.data)
    clock.lap("evaluate")

    resolved = {
        "candidates": len(candidates),
        "folds": len(folds),
        "fits": len(tasks),
        "best_parameters": chosen,
        "refit_s": refit_s,
    }
    quality |= {
        "best_score": float(scores.mean(axis=1).max()),
        "best_parameters": chosen,
        "candidate_scores": scores.mean(axis=1).tolist(),
    }
    return estimator_fit(spec, engine, clock, workers, resolved=resolved, quality=quality, data=described)


def _refit(workload: SearchWorkload, settings: Mapping[str, Any], spec: RunSpec, arrays: Arrays) -> tuple[float, dict[str, Any]]:
    """Seconds of training the best candidate on all rows, and its quality on the held-out ones."""
    import joblib

    # Threads of this process, as in `serial`: otherwise joblib would use an engine's open pool to train the model's parts.
    with joblib.parallel_config("threading", n_jobs=spec.threads):
        began = now()
        model = workload.model(settings, spec.seed, spec.threads).fit(arrays.x_train, arrays.y_train)
        refit_s = now() - began
        probabilities = model.predict_proba(arrays.x_test)
    y = np.searchsorted(model.classes_, arrays.y_test)
    return refit_s, score_classes(y, probabilities, probabilities.argmax(axis=1), [str(label) for label in model.classes_])
