"""Kinds `ensemble` and `search` on any engine: many independent tasks, of which an engine only has to run each somewhere."""

from __future__ import annotations

import os
import resource
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends.base import Fit
from manyhands.backends.estimators.run import NOT_SPLIT, Engine, Report, begin, data_folder, estimator_fit, workload_of
from manyhands.data.row_parts import write_array
from manyhands.machine import host_name
from manyhands.measure.memory import own_peak_rss_bytes
from manyhands.measure.phases import now
from manyhands.measure.quality import score_classes
from manyhands.plan import RunSpec
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.ensemble import EnsembleWorkload, fit_member
from manyhands.workloads.kinds.search import SearchWorkload, best, score_candidate

Task = tuple[Any, ...]
"""The arguments of one call."""


@dataclass(frozen=True)
class ArrayFile:
    """An array that lies in a file all workers can open; a task that is given one sees the array, mapped."""

    path: str

    def read(self) -> NDArray[Any]:
        """The array, mapped."""
        array: NDArray[Any] = np.load(self.path, mmap_mode="r", allow_pickle=False)
        return array


class TaskEngine(Engine, ABC):
    """Independent tasks on one engine."""

    in_threads: bool = False
    """Whether workers are threads of this process; each is then known by its thread, and its CPU time is the thread's."""
    threads: int = 1
    """Of each worker."""

    @abstractmethod
    def run(self, function: Callable[..., Any], tasks: Sequence[Task]) -> list[Any]:
        """`function(*task)` of each task, run by the workers, in the order of `tasks`: the engine's own call and nothing else."""

    def place(self, array: NDArray[Any]) -> Any:
        """What a task is given in place of `array`, so that no task carries rows along: called in `load`, once an array.

        May be the array (same process), an `ArrayFile`, or anything that `run` turns into the array before the call.
        """
        return array


class FileTaskEngine(TaskEngine):
    """Tasks whose rows lie in files of the run's own folder: for workers on this machine, or that share its file system."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.placed = 0

    def place(self, array: NDArray[Any]) -> ArrayFile:
        path = self.folder / f"array-{self.placed}.npy"
        self.placed += 1
        write_array(path, array)
        return ArrayFile(str(path))


def worker_key(in_threads: bool) -> tuple[str, int, int | None]:
    """What tells the calling worker from the others: host, process, and thread where workers are threads."""
    return host_name(), os.getpid(), threading.get_native_id() if in_threads else None


def timed_task(function: Callable[..., Any], in_threads: bool, *arguments: Any) -> tuple[Any, dict[str, Any]]:
    """The result of `function`, and which worker spent how much on it; what every task runs."""
    who = resource.RUSAGE_THREAD if in_threads else resource.RUSAGE_SELF
    began, before = now(), resource.getrusage(who)
    result = function(*(argument.read() if isinstance(argument, ArrayFile) else argument for argument in arguments))
    after = resource.getrusage(who)
    return result, {
        "worker": worker_key(in_threads),
        "busy_s": now() - began,
        "cpu_user_s": after.ru_utime - before.ru_utime,
        "cpu_system_s": after.ru_stime - before.ru_stime,
        "peak_rss_bytes": own_peak_rss_bytes(),
    }


def run_timed(engine: TaskEngine, function: Callable[..., Any], tasks: Sequence[Task]) -> tuple[list[Any], list[dict[str, Any]]]:
    """The results of all tasks, and the report of each."""
    pairs = engine.run(timed_task, [(function, engine.in_threads, *task) for task in tasks])
    # Threads that a worker started, being one itself, are nobody's: their CPU time is in the process's alone.
    unknown = dict.fromkeys(("cpu_user_s", "cpu_system_s")) if engine.in_threads and engine.threads > 1 else {}
    return [result for result, _ in pairs], [report | unknown for _, report in pairs]


def threaded(threads: int, function: Callable[..., Any], *arguments: Any) -> Any:
    """`function(*arguments)` with the threads of the spec: an engine's joblib would have what runs inside a task use one alone, or
    send it to the workers again."""
    import joblib

    with joblib.parallel_config("threading", n_jobs=threads):
        return function(*arguments)


def by_worker(workers: Sequence[Report], tasks: Sequence[Report], rows: Sequence[int]) -> list[dict[str, Any]]:
    """One report for each worker, made of those of its tasks; `rows[i]` are those that task i saw.

    A worker that an engine put in another's place while it ran takes the place of one that ran nothing.
    """
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for worker in workers:
        key = (worker["host"], worker["pid"], worker.get("thread"))
        found[key] = dict(worker) | {"rows_seen": 0, "tasks": 0, "busy_s": 0.0, "cpu_user_s": 0.0, "cpu_system_s": 0.0}
    for task, seen in zip(tasks, rows, strict=True):
        key = tuple(task["worker"])
        if key not in found:
            host, pid, thread = key
            started = {"host": host, "pid": pid, "thread": thread, "threads": None, "peak_rss_bytes": 0}
            found[key] = started | {"rows_seen": 0, "tasks": 0, "busy_s": 0.0, "cpu_user_s": 0.0, "cpu_system_s": 0.0}
        own = found[key]
        own["rows_seen"] += seen
        own["tasks"] += 1
        for name in ("busy_s", "cpu_user_s", "cpu_system_s"):
            own[name] = None if task[name] is None else own[name] + task[name]
        own["peak_rss_bytes"] = max(own["peak_rss_bytes"] or 0, task["peak_rss_bytes"])
    spare = len(found) - len(workers)
    idle = [key for key, own in found.items() if not own["tasks"]][:spare]
    return [own | {"train_split": NOT_SPLIT | {"compute_s": own["busy_s"]}} for key, own in found.items() if key not in idle]


def ensemble_fit(spec: RunSpec, engine: TaskEngine) -> Fit:
    """One measured run of an ensemble on `engine`: its members in `train`; their prediction and the vote timed apart."""
    workload = workload_of(spec, EnsembleWorkload)  # type: ignore[type-abstract]  # compared with, not made
    passes = workload.passes(spec.epochs)
    _, clock = begin(spec, engine, "sklearn.neural_network", "sklearn.metrics")

    arrays = workload.load(data_folder(spec)).training_rows(spec.total_samples)
    members = workload.member_rows(arrays, spec.seed)
    placed = _place_members(engine, workload, arrays, members)
    x_test = engine.place(arrays.x_test)
    clock.lap("load")

    tasks = [(workload, member, passes, spec.batch_size, spec.seed, *placed[member]) for member in range(workload.fits)]
    models, reports = run_timed(engine, fit_member, tasks)
    clock.lap("train")

    probabilities = np.array(run_timed(engine, predict_member, [(workload, model, x_test) for model in models])[0])
    chosen = workload.vote(probabilities)
    predict_s = clock.lap("evaluate")
    names = [str(label) for label in np.unique(arrays.y_train)]
    y = np.searchsorted(np.unique(arrays.y_train), arrays.y_test)
    quality = score_classes(y, probabilities.mean(axis=0, dtype=np.float64), chosen, names)
    quality["member_accuracies"] = [float(np.mean(member.argmax(axis=1) == y)) for member in probabilities]
    workers = by_worker(engine.probe(), reports, [len(rows) * passes for rows in members])
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
    """What each member is given for its rows; members that cover all rows share them."""
    if workload.single or workload.cover == "full":
        return [(engine.place(arrays.x_train), engine.place(arrays.y_train))] * len(members)
    return [(engine.place(arrays.x_train[rows]), engine.place(arrays.y_train[rows])) for rows in members]


def predict_member(workload: EnsembleWorkload, model: Any, x: NDArray[Any]) -> NDArray[np.float32]:
    """(rows, classes) probabilities of one member of `workload`, which comes along since the model's class may be of its file."""
    probabilities: NDArray[np.float32] = model.predict_proba(x).astype(np.float32)
    return probabilities


def search_fit(spec: RunSpec, engine: TaskEngine) -> Fit:
    """One measured run of a search on `engine`: all candidates on all folds in `train`; the best is refitted outside it."""
    workload = workload_of(spec, SearchWorkload)  # type: ignore[type-abstract]  # compared with, not made
    _, clock = begin(spec, engine, "sklearn.ensemble", "sklearn.metrics")

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
    workers = by_worker(engine.probe(), reports, [len(train) for _ in candidates for train, _ in folds])
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

    # Threads of this process, as in `serial`: left to joblib, an engine's pool that is open would train the model's parts.
    with joblib.parallel_config("threading", n_jobs=spec.threads):
        began = now()
        model = workload.model(settings, spec.seed, spec.threads).fit(arrays.x_train, arrays.y_train)
        refit_s = now() - began
        probabilities = model.predict_proba(arrays.x_test)
    y = np.searchsorted(model.classes_, arrays.y_test)
    return refit_s, score_classes(y, probabilities, probabilities.argmax(axis=1), [str(label) for label in model.classes_])
