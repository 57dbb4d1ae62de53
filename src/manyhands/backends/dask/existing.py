"""A scheduler that somebody else has started: joined, its free workers chosen, and left as it was found."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from manyhands import __version__
from manyhands.errors import EngineError, Unavailable, UsageError
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

ANSWER_S = 8
"""Seconds that a scheduler has to answer."""
RECOVER_S = 10.0
"""Longest wait after a failed run until the cluster is as it was: a nanny starts a lost worker anew in about 2 s."""
LOOK_S = 0.2
"""How often it is asked meanwhile."""


def join(address: str) -> Any:
    """A client of the scheduler at `address`; raises Unavailable when none answers, UsageError when it is no address."""
    import distributed

    library: Any = distributed
    try:
        return library.Client(address, timeout=ANSWER_S, set_as_default=False)
    except OSError:
        raise Unavailable(
            f"no Dask scheduler answers at {address} within {ANSWER_S} s; start one with 'dask scheduler', or leave out --address"
        ) from None
    except ValueError as error:
        raise UsageError(f"--address {address!r} is no address of a Dask scheduler ({error}); give tcp://HOST:PORT") from None


def choose_workers(client: Any, spec: RunSpec) -> Sequence[str]:
    """Addresses of `spec.workers` workers that have a free slot, ordered, so that ranks of one host stand together.

    Raises UsageError when the cluster has fewer, EngineError when too few are free or one of them has another manyhands.
    """
    from manyhands.backends.dask.worker import describe

    slots = client.nthreads()
    if len(slots) < spec.workers:
        raise UsageError(
            f"{spec.workers} workers were asked for and the Dask scheduler at {client.scheduler.address} has {len(slots)};"
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
            f"{spec.workers} workers were asked for and {len(free)} of the Dask scheduler's {len(slots)} are free;"
            " wait until its other tasks are done"
        )
    chosen = free[: spec.workers]
    if other := {seen[address][0] for address in chosen} - {__version__}:
        raise EngineError(
            f"a worker of the Dask scheduler has manyhands {', '.join(other)} and this is {__version__}; install one version"
        )
    return chosen


def leave(client: Any, futures: Mapping[str, Any], before: int) -> None:
    """Takes a failed run out of the cluster, and waits for what its nannies start anew.

    `futures`: worker's address -> its rank's future; `before`: how many workers the cluster had.
    """
    from manyhands.backends.dask.process_group import close_listener

    with suppress(OSError):  # a scheduler that is gone needs nothing any more
        client.cancel(list(futures.values()), force=True)
        # Asking a dead worker would take half a minute.
        if living := [address for address in futures if address in client.nthreads()]:
            client.run(close_listener, workers=living, on_error="ignore")
        deadline = now() + RECOVER_S
        while now() < deadline and not at_rest(client, living, before):
            time.sleep(LOOK_S)


def at_rest(client: Any, living: list[str], before: int) -> bool:
    """Whether the cluster has `before` workers again, and those that are `living` run nothing any more."""
    from manyhands.backends.dask.worker import describe

    seen = client.run(describe, workers=living, on_error="ignore") if living else {}
    return len(client.nthreads()) >= before and not any(running for _, running in seen.values())
