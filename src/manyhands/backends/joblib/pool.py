"""A joblib pool for the whole run; before anything is timed, all workers have started and imported their libraries."""

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
    """The pool with all its workers started; at the end the workers are stopped, and the call waits for them."""
    options = {"inner_max_num_threads": spec.threads} if pool == "loky" else {}
    with (
        joblib.parallel_config(backend=pool, n_jobs=spec.workers, temp_folder=str(folder), **options),
        joblib.Parallel(n_jobs=spec.workers) as parallel,
    ):
        tasks = JoblibTasks(pool, spec, folder, parallel)
        if spec.workers == 1:  # joblib runs the tasks of one worker in this process, with any pool
            tasks.strategy = "joblib sequential"
        tasks.probe()
        yield tasks
    if pool == "loky":
        get_reusable_executor().shutdown(wait=True)
        # The trackers of files and semaphores must run until the last file is released, when this process ends.
        Finalize(None, stop_trackers, exitpriority=-100)
