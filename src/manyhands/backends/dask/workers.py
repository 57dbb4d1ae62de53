"""The Dask workers of an estimator run: chosen once, asked one by one, and what happens to them told in one line.

A worker is a process with one slot, so that a task pinned to its address is a task of that rank.
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

LOST_WORDS = ("Invalid worker address", "src/collective/")
"""What xgboost.dask says where its task was given to another worker, and XGBoost where another worker does not answer."""


@dataclass(frozen=True)
class Workers:
    """The client, and the addresses of the workers in the order of rank."""

    client: Any
    addresses: Sequence[str]
    threads: int

    def each(self, function: Callable[..., Any], *given: Sequence[Any]) -> list[Any]:
        """What `function` returns in every worker, called at the same time; `given`: for each argument, its value for each rank."""
        futures = [
            self.client.submit(function, *(values[rank] for values in given), workers=[address], pure=False)
            for rank, address in enumerate(self.addresses)
        ]
        return list(self.client.gather(futures))

    def probe(self) -> list[dict[str, Any]]:
        """A report from every worker; raises EngineError when a running cluster's workers use other threads than asked for."""
        reports: list[dict[str, Any]] = self.each(probe)
        for address, report in zip(self.addresses, reports, strict=True):
            if other := set(report["threads"].values()) - {self.threads}:
                raise EngineError(
                    f"dask worker {address} uses {max(other)} threads and --threads {self.threads} was asked for;"
                    f" start it with OMP_NUM_THREADS={self.threads}"
                )
        return reports

    @contextmanager
    def current(self) -> Iterator[None]:
        """Whatever Dask computes inside is computed by these workers alone."""
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
    """Turns what Dask and XGBoost say about a lost worker into one line; errors of a task keep their own words."""
    from concurrent.futures import CancelledError

    from distributed import KilledWorker
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import NoValidWorkerError

    lost = (
        "a dask worker died while it trained, or took more than its --memory-limit, of which Python and its libraries alone"
        " take about 400 MB"
    )
    try:
        yield
    except (KilledWorker, NoValidWorkerError, CancelledError, CommClosedError):
        raise EngineError(lost) from None
    except ValueError as error:
        if any(words in str(error) for words in LOST_WORDS):
            raise EngineError(lost) from None
        raise
