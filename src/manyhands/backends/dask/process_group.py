"""How the ranks in Dask's workers find each other: at a store that the worker of rank 0 serves on its own interface alone.

Its port listens before the tasks start, so that every task knows it; all importing goes on at the same time.
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
"""Longest wait for the other ranks to arrive: their workers have torch and the workload still to import."""
LOOK_S = 1.0
"""How often a rank that waits for the others looks whether it was told to give up."""
LISTENER = "manyhands_listener"


def open_listener(dask_worker: Any = None) -> tuple[str, int]:
    """Address of a free port of the worker's own interface, kept open there for the store of `rank_task`."""
    listener = listen(dask_worker.ip)
    setattr(dask_worker, LISTENER, listener)
    return dask_worker.ip, port_of(listener)


def close_listener(dask_worker: Any = None) -> None:
    """Closes what `open_listener` opened, where no rank has taken it over."""
    if listener := vars(dask_worker).pop(LISTENER, None):
        listener.close()


def meet(rank: int, workers: int, meeting: tuple[str, int], check: Callable[[], None]) -> TCPStore:
    """The store that rank 0 serves on its listener, once all ranks have it; raises EngineError naming who did not come."""
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
    """A client of the store of rank 0, which listens already but may not serve yet; raises EngineError when it is gone."""
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
    """Whether no other rank has failed before this one. The store lives in rank 0: without it rank 0 was first."""
    try:
        return store.compare_set("failed", "", str(rank)) == str(rank).encode()
    except RuntimeError:
        return False
