"""A Dask cluster on loopback for this run alone: started, and ended with all its processes."""

from __future__ import annotations

import logging
from multiprocessing import resource_tracker
from typing import Any

from manyhands.backends.dask.library import distributed_module
from manyhands.backends.dask.memory import allocator, memory_configuration
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec

GIVE_UP_S = 5
"""Seconds until a task whose own worker is gone fails."""


def local_cluster(spec: RunSpec, folder: str) -> Any:
    """A scheduler and `spec.workers` workers of one slot each in processes of their own, on loopback, with no dashboard."""
    import dask

    # Rows that were in a worker which died cannot come back: without a limit, what needs them would be waited for.
    dask.config.set({"distributed.scheduler.no-workers-timeout": f"{GIVE_UP_S} s"} | memory_configuration(spec))
    return distributed_module().LocalCluster(
        n_workers=spec.workers,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        # Unless it is asked for, memory is not Dask's to manage: no other engine kills a worker for it.
        memory_limit=spec.memory_limit or 0,
        local_directory=folder,
        # Dask's nanny would start every worker with one thread, whatever was asked.
        env=thread_variables(spec.threads) | allocator(spec),
        silence_logs=logging.ERROR,
    )


def kill_workers() -> None:
    """Ends every process that this one has started: a worker may be blocked in a collective, where nothing else reaches it."""
    import psutil

    for child in psutil.Process().children(recursive=True):
        child.kill()


def stop_tracker() -> None:
    """Ends multiprocessing's resource tracker, which else ends a moment after this process, as if it had been left behind."""
    tracker: Any = resource_tracker._resource_tracker
    tracker._stop()
