"""A joblib pool that is open for the whole run: all workers started, known by name, and their libraries imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

import joblib
from joblib.externals.loky import get_reusable_executor

from manyhands.backends.estimators.joblib_tasks import JoblibTasks, stop_trackers
from manyhands.plan import RunSpec


@contextmanager
def open_pool(pool: str, spec: RunSpec, folder: Path) -> Iterator[JoblibTasks]:
    """The pool with all its workers started; stopped, and waited for, at the end."""
    options = {"inner_max_num_threads": spec.threads} if pool == "loky" else {}
    with (
        joblib.parallel_config(backend=pool, n_jobs=spec.workers, temp_folder=str(folder), **options),
        joblib.Parallel(n_jobs=spec.workers) as parallel,
    ):
        tasks = JoblibTasks(pool, spec, folder, parallel)
        if spec.workers == 1:  # its tasks joblib runs in this process, whatever the pool
            tasks.strategy = "joblib sequential"
        tasks.probe()
        yield tasks
    if pool == "loky":
        get_reusable_executor().shutdown(wait=True)
        # Those who watch over files and semaphores are needed until the last one is given back, when this process ends.
        Finalize(None, stop_trackers, exitpriority=-100)
