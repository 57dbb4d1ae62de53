"""A Dask scheduler that runs already: the run joins it, chooses free workers, and leaves the cluster as it was."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from manyhands import __version__
from manyhands.backends.dask.library import distributed_module
from manyhands.errors import EngineError, Unavailable, UsageError
from manyhands.measure.phases import now
from manyhands.plan import RunSpec
from manyhands.user_code import file_of

ANSWER_S = 8
"""Longest wait for the scheduler's answer."""
RECOVER_S = 10.0
"""Longest wait, after a failed run, for the cluster to recover; a nanny restarts a lost worker in about 2 s."""
LOOK_S = 0.2
"""Time between two looks at the cluster while it recovers."""


def join(address: str) -> Any:
    """A client of the scheduler at `address`.

    Raises Unavailable when no scheduler answers there, and UsageError when `address` is not an address.
    """
    distributed = distributed_module()
    try:
        distributed.comm.get_address_host_port(address)  # a client of what is no address would take 16 s to close
        return distributed.Client(address, timeout=ANSWER_S, set_as_default=False)
    except OSError:
        raise Unavailable(
            f"no Dask scheduler answers at {address} within {ANSWER_S} s; start one with 'dask scheduler', or leave out --address"
        ) from None
    except ValueError as error:
        raise UsageError(f"--address {address!r} is no Dask scheduler's address ({error}); give tcp://HOST:PORT") from None


def choose_workers(client: Any, spec: RunSpec) -> Sequence[str]:
    """Addresses of `spec.workers` workers with a free slot, sorted, so that ranks on one host are consecutive. They load a user's file anew.

    Raises UsageError when the cluster has too few workers, and EngineError when too few of them are free or when a chosen one
    has another version of manyhands.
    """
    from manyhands.backends.dask.worker import describe, forget

    slots = client.nthreads()
    if len(slots) < spec.workers:
        raise UsageError(
            f"{spec.workers} workers were asked for, and the Dask scheduler at {client.scheduler.address} has {len(slots)};"
            " use fewer --workers, or start more with 'dask worker'"
        )
    try:
        seen = client.run(describe)
    except ImportError as error:
        raise EngineError(
            f"a worker of the Dask scheduler cannot import manyhands ({error}); install it in every worker"
        ) from None
    queued = client.processing()
    free = sorted(at for at, (_, running) in seen.items() if max(running, len(queued.get(at, ()))) < slots.get(at, 0))
    if len(free) < spec.workers:
        raise EngineError(
            f"{spec.workers} workers were asked for, and {len(free)} of the Dask scheduler's {len(slots)} workers are free;"
            " wait until its other tasks are done"
        )
    chosen = free[: spec.workers]
    if other := {seen[address][0] for address in chosen} - {__version__}:
        raise EngineError(
            f"a worker of the Dask scheduler has manyhands {', '.join(other)}, this machine {__version__}; install one of them"
        )
    if file := file_of(spec.workload):
        client.run(forget, str(file), workers=chosen)
    return chosen


def leave(client: Any, futures: Mapping[str, Any], before: int) -> None:
    """Cancels the tasks of a failed run, and waits until the cluster's nannies have restarted lost workers.

    `futures`: worker's address -> its rank's future; `before`: number of workers that the cluster had before the run.
    """
    from manyhands.backends.dask.process_group import close_listener

    with suppress(OSError):  # a scheduler that has ended needs no cleaning up
        client.cancel(list(futures.values()), force=True)
        # A call to a dead worker would take half a minute.
        if living := [address for address in futures if address in client.nthreads()]:
            client.run(close_listener, workers=living, on_error="ignore")
        deadline = now() + RECOVER_S
        while now() < deadline and not at_rest(client, living, before):
            time.sleep(LOOK_S)


def at_rest(client: Any, living: list[str], before: int) -> bool:
    """True when the cluster has `before` workers again and the `living` ones run no task."""
    from manyhands.backends.dask.worker import describe

    seen = client.run(describe, workers=living, on_error="ignore") if living else {}
    return len(client.nthreads()) >= before and not any(running for _, running in seen.values())
