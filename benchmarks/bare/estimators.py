"""What the scripts `estimators_*.py` share: the rows of a cell, and the seconds of the engine's own call on them.

Each script brings the rows to its engine, warms it up, and times the call alone, as `train` of manyhands does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import joblib

from manyhands.plan import RunSpec
from manyhands.plugins import workload_class


@dataclass(frozen=True)
class Cell:
    """What the command line asks for."""

    spec: RunSpec
    result: Path

    @classmethod
    def asked(cls) -> Cell:
        return cls(RunSpec.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2]))

    @property
    def workload(self) -> Any:
        return workload_class(self.spec.workload).from_settings(self.spec.settings)

    @property
    def folder(self) -> Path | None:
        return Path(self.spec.data_dir) if self.spec.data_dir else None

    def timed(self, call: Callable[[], Any]) -> None:
        """Runs the engine's call and leaves its seconds."""
        began = perf_counter()
        call()
        self.result.write_text(json.dumps([{"train_s": perf_counter() - began}]))

    def points(self) -> tuple[Any, Any]:
        """(rows, columns) of the clustering, and its start."""
        found = self.workload.load(self.folder, self.spec.total_samples)
        return found.rows.read_x(), self.workload.start(found.rows, self.spec.seed)

    def table(self) -> tuple[Any, Any, dict[str, Any]]:
        """Features, label and XGBoost's parameters."""
        found = self.workload.load(self.folder, self.spec.total_samples)
        return (
            found.train.read_x(),
            found.train.read_y(),
            self.workload.parameters(len(found.classes), self.spec.seed, self.spec.threads),
        )

    def timed_tasks(self) -> None:
        """The ensemble as a joblib call, or the search as scikit-learn's, with the joblib backend that is set."""
        (self._members if self.spec.workload == "ensemble" else self._search)()

    def _members(self) -> None:
        arrays = self.workload.load(self.folder).training_rows(self.spec.total_samples)
        passes = self.workload.passes(self.spec.epochs)
        seeds = range(self.spec.seed, self.spec.seed + self.workload.fits)
        models = [self.workload.classifier(seed, passes, self.spec.batch_size) for seed in seeds]
        jobs = [
            joblib.delayed(type(model).fit)(model, arrays.x_train[rows], arrays.y_train[rows])
            for model, rows in zip(models, self.workload.member_rows(arrays, self.spec.seed), strict=True)
        ]
        with joblib.Parallel(n_jobs=self.spec.workers) as parallel:
            wake(parallel, self.spec.workers)
            self.timed(lambda: parallel(jobs))

    def _search(self) -> None:
        from sklearn.model_selection import GridSearchCV

        arrays = self.workload.load(self.folder, self.spec.total_samples)
        model = self.workload.model({}, self.spec.seed, self.spec.threads)
        grid = {name: list(values) for name, values in self.workload.grid().items()}
        folds = self.workload.splits(arrays, self.spec.seed)
        found = GridSearchCV(model, grid, cv=folds, refit=False, n_jobs=self.spec.workers)
        wake(joblib.Parallel(n_jobs=self.spec.workers), self.spec.workers)
        self.timed(lambda: found.fit(arrays.x_train, arrays.y_train))


def wake(parallel: joblib.Parallel, workers: int) -> None:
    """Has the workers start and import scikit-learn."""
    parallel(joblib.delayed(_import)() for _ in range(4 * workers))


def _import() -> None:
    import time

    import sklearn.ensemble
    import sklearn.neural_network  # noqa: F401

    time.sleep(0.2)
