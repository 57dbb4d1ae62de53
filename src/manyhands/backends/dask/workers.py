"""The Dask workers of an estimator run, and the errors of a worker that is lost.

A worker is a process with one slot, so that a task pinned to its address is the task of that rank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from manyhands.backends.dask.existing import choose_workers
from manyhands.backends.estimators.run import probe
from manyhands.errors import EngineError, UsageError
from manyhands.plan import RunSpec

LOST_WORKER_MESSAGES = ("Invalid worker address", "src/collective/")
"""Parts of error messages: xgboost.dask's when Dask moved its task to another worker, XGBoost's when a worker is silent."""


@dataclass(frozen=True)
class Workers:
    """The client, and the addresses of the workers in the order of rank."""

    client: Any
    addresses: Sequence[str]
    threads: int

    def each(self, function: Callable[..., Any], *given: Sequence[Any]) -> list[Any]:
        """The results of `function`, called in every worker at the same time; `given`: for each argument, one value a rank."""
        futures = [
            self.client.submit(function, *(values[rank] for values in given), workers=[address], pure=False)
            for rank, address in enumerate(self.addresses)
        ]
        return list(self.client.gather(futures))

    def probe(self) -> list[dict[str, Any]]:
        """A report from every worker; raises EngineError when a worker does not use the number of threads of --threads."""
        reports: list[dict[str, Any]] = self.each(probe)
        for address, report in zip(self.addresses, reports, strict=True):
            if other := set(report["threads"].values()) - {self.threads}:
                raise EngineError(
                    f"dask worker {address} uses {max(other)} threads, not --threads {self.threads};"
                    f" start it with OMP_NUM_THREADS={self.threads}"
                )
        return reports

    @contextmanager
    def current(self) -> Iterator[None]:
        """Makes Dask compute with these workers only."""
        from dask.base import annotate

        with self.client.as_current(), annotate(workers=list(self.addresses)):
            yield


def workers_for(client: Any, spec: RunSpec) -> Workers:
    """The workers of a run; raises UsageError when one of them would run several tasks at once."""
    addresses = choose_workers(client, spec)
    slots = client.nthreads()
    if wide := [address for address in addresses if slots[address] > 1]:
        raise UsageError(
            f"dask worker {wide[0]} runs {slots[wide[0]]} tasks at once, which would count as one worker;"
            " start it with 'dask worker --nthreads 1'"
        )
    return Workers(client, addresses, spec.threads)


@contextmanager
def engine_errors() -> Iterator[None]:
    """Turns an exception of Dask or XGBoost about a lost worker into one line; the error of a task keeps its message."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import NoValidWorkerError

    lost = (
        "a dask worker died while it trained, or used more than its --memory-limit; Python and its libraries alone"
        " use about 400 MB of it"
    )
    try:
        yield
    except (KilledWorker, NoValidWorkerError, CancelledError, CommClosedError):
        raise EngineError(lost) from None
    except ValueError as error:
        if any(part in str(error) for part in LOST_WORKER_MESSAGES):
            raise EngineError(lost) from None
        raise
