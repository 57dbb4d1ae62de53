"""Independent tasks on Ray: joblib with Ray's backend, in a pool of actors."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import joblib
import ray
from joblib.pool import MemmappingPool, PicklingPool
from ray.util.joblib.ray_backend import RayBackend
from ray.util.multiprocessing import Pool

from manyhands.backends.estimators.joblib_tasks import JoblibTasks, stop_trackers
from manyhands.backends.ray.failure import first_sentence
from manyhands.backends.ray.workers import wait_actors_gone
from manyhands.errors import EngineError
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec


@contextmanager
def open_tasks(spec: RunSpec, folder: Path) -> Iterator[JoblibTasks]:
    """joblib with Ray's backend, an actor for each worker. The rows are in files of `folder`, so all machines must share it."""
    own = Path(tempfile.mkdtemp(dir=folder))
    actor = {"num_cpus": spec.threads, "runtime_env": {"env_vars": thread_variables(spec.threads)}}
    # joblib's pool registers a folder for large arguments with a process that would end a moment after this one.
    Finalize(None, stop_trackers, exitpriority=-100)
    try:
        with (
            joblib.parallel_config(backend=OnActors(ray_remote_args=actor), n_jobs=spec.workers),
            joblib.Parallel(n_jobs=spec.workers, temp_folder=str(own)) as parallel,
        ):
            yield JoblibTasks("ray", spec, own, parallel)
    except ray.exceptions.RayError as error:
        raise EngineError(f"ray could not run the tasks: {first_sentence(error)}") from error
    wait_actors_gone("PoolActor")


class OnActors(RayBackend):
    """Ray's backend for joblib, changed so that a single worker is an actor too; Ray would run its tasks in this process."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """The number of workers for joblib, at least 2: with 1 joblib would not use the backend."""
        return max(2, int(super().effective_n_jobs(n_jobs)))  # type: ignore[no-untyped-call]

    def configure(
        self,
        n_jobs: int = 1,
        parallel: Any = None,
        prefer: Any = None,
        require: Any = None,
        ray_remote_args: Any = None,
        **pool: Any,
    ) -> int:
        """Starts `n_jobs` actors, even when that is 1."""
        if n_jobs > 1:
            return int(super().configure(n_jobs, parallel, prefer, require, ray_remote_args, **pool))
        PicklingPool.__bases__ = (Pool,)
        actor = ray_remote_args or self.ray_remote_args
        self._pool = MemmappingPool(n_jobs, **self.backend_kwargs, **pool, ray_remote_args=actor)
        self.parallel = parallel
        return self.effective_n_jobs(n_jobs)
