"""The store at which the ranks in Dask's workers meet; rank 0's worker serves it on the worker's own interface only.

Its port is open before the tasks start, so that every task knows the port and all tasks import at the same time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.bound_store import listen, port_of, serve
from manyhands.errors import EngineError
from manyhands.measure.phases import now

if TYPE_CHECKING:
    from torch._C._distributed_c10d import TCPStore

JOIN_S = 120.0
"""Longest wait for the other ranks: their workers must first import torch and the workload."""
LOOK_S = 1.0
"""Time between two checks, by a rank that waits for the others, whether its task was cancelled."""
LISTENER = "manyhands_listener"


def open_listener(dask_worker: Any = None) -> tuple[str, int]:
    """Opens a free port on the worker's own interface for the store of `rank_task`; returns its host and port."""
    listener = listen(dask_worker.ip)
    setattr(dask_worker, LISTENER, listener)
    return dask_worker.ip, port_of(listener)


def close_listener(dask_worker: Any = None) -> None:
    """Closes the port of `open_listener`, unless a rank has taken it over."""
    if listener := vars(dask_worker).pop(LISTENER, None):
        listener.close()


def meet(rank: int, workers: int, meeting: tuple[str, int], check: Callable[[], None]) -> TCPStore:
    """The store that rank 0 serves on its listener, once all ranks have joined; raises EngineError with the missing ranks."""
    from distributed import get_worker
    from torch.distributed import DistStoreError

    if rank == 0:
        store = serve(vars(get_worker()).pop(LISTENER), meeting[0], workers, JOIN_S)
    else:
        store = reach(meeting, workers, check)
        store.set_timeout(timedelta(seconds=JOIN_S))
    store.set(f"here-{rank}", "")
    everyone = [f"here-{other}" for other in range(workers)]
    deadline = now() + JOIN_S
    while now() < deadline:
        check()
        try:
            store.wait(everyone, timedelta(seconds=LOOK_S))
        except DistStoreError:
            continue
        return store
    away = [str(other) for other in range(workers) if not store.check([f"here-{other}"])]
    raise EngineError(f"dask worker {', '.join(away)} did not join the others within {JOIN_S:g} s")


def reach(meeting: tuple[str, int], workers: int, check: Callable[[], None]) -> TCPStore:
    """A client of rank 0's store; its port is open but may not answer yet. Raises EngineError when it does not answer in time."""
    from torch._C._distributed_c10d import TCPStore
    from torch.distributed import DistError

    deadline = now() + JOIN_S
    while now() < deadline:
        check()
        try:
            return TCPStore(*meeting, workers, False, timedelta(seconds=LOOK_S), wait_for_workers=False)
        except DistError:
            continue
    raise EngineError(f"dask worker 0 did not answer at {meeting[0]}:{meeting[1]} within {JOIN_S:g} s")


def failed_first(store: TCPStore, rank: int) -> bool:
    """True when no other rank has failed before `rank`. Rank 0 holds the store: if the store is gone, rank 0 failed first."""
    try:
        return store.compare_set("failed", "", str(rank)) == str(rank).encode()
    except RuntimeError:
        return False
