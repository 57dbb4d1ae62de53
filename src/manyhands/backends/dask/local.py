"""Starts and ends the Dask cluster of one run, on loopback."""

from __future__ import annotations

import logging
from multiprocessing import resource_tracker
from typing import Any

from manyhands.backends.dask.library import distributed_module
from manyhands.backends.dask.memory import allocator, memory_configuration
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec

GIVE_UP_S = 5
"""Seconds until a task whose only permitted worker has ended fails."""


def local_cluster(spec: RunSpec, folder: str) -> Any:
    """A scheduler and `spec.workers` worker processes of one slot each, on loopback, without a dashboard."""
    import dask

    # Rows of a worker that died are lost: without a time limit, tasks that need those rows would wait for ever.
    dask.config.set({"distributed.scheduler.no-workers-timeout": f"{GIVE_UP_S} s"} | memory_configuration(spec))
    return distributed_module().LocalCluster(
        n_workers=spec.workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        # Without --memory-limit, Dask must not manage memory: no other engine ends a worker for its memory.
        memory_limit=spec.memory_limit or 0,
        local_directory=folder,
        # Otherwise Dask's nanny would start every worker with one thread, for any --threads.
        env=thread_variables(spec.threads) | allocator(spec),
        silence_logs=logging.ERROR,
    )


def kill_workers() -> None:
    """Kills every process that this one has started: a worker blocked in a collective reacts to nothing else."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()


def stop_tracker() -> None:
    """Ends multiprocessing's resource tracker, which otherwise ends a moment after this process, like a process left behind."""
    tracker: Any = resource_tracker._resource_tracker
    tracker._stop()
