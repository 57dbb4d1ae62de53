"""Waits for the ranks' tasks; turns a failure into one line, with the rank's error or the worker that died.

The scheduler reports a lost worker. The task of a lost worker would otherwise wait for ever, because no other worker may run it.
"""

from __future__ import annotations

from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

from manyhands.backends.dask.deaths import Deaths
from manyhands.backends.dask.worker import ConsequentError
from manyhands.errors import EngineError, ManyhandsError

GRACE_S = 2.0
"""Wait, after a task has failed, for the report of a dead worker or for the error that came first."""


def collect(client: Any, futures: Mapping[str, Any], deaths: Deaths | None = None) -> list[dict[str, Any]]:
    """The ranks' reports in order; `futures`: worker's address -> its rank's future, in order of rank; `deaths`: what the
    nannies of a cluster of this run report.

    Blocks until all ranks have ended or one has failed; raises the rank's error if it is a ManyhandsError, else EngineError.
    """
    news: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def heard(event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker" and message["worker"] in futures:
            news.put((message["worker"], None))

    ranks = {address: rank for rank, address in enumerate(futures)}
    client.subscribe_topic("all", heard)
    for address in futures.keys() - client.nthreads().keys():
        news.put((address, None))  # lost before this process subscribed
    for address, future in futures.items():
        future.add_done_callback(lambda done, address=address: news.put((address, done)))
    try:
        return _wait(news, ranks, deaths)
    finally:
        client.unsubscribe_topic("all")


def _wait(news: SimpleQueue[tuple[str, Any]], ranks: Mapping[str, int], deaths: Deaths | None) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    first: ManyhandsError | None = None
    while len(reports) < len(ranks):
        try:
            address, future = news.get(timeout=GRACE_S if first else None)
        except Empty:
            break
        if future is None:
            how = deaths.first() if deaths else ""
            raise EngineError(f"dask worker {ranks[address]} ({address}) died while it trained{how}")
        if future.status == "finished":
            reports.append(future.result())
        elif first is None or isinstance(first, ConsequentError):
            first = failure(ranks[address], future)
    if first:
        raise first
    return reports


def failure(rank: int, future: Any) -> ManyhandsError:
    """The error to raise for a rank whose task failed or was lost; a ManyhandsError of the rank stays as it is."""
    error = future.exception() if future.status == "error" else None
    if isinstance(error, ManyhandsError):
        return error
    if error is None:
        return EngineError(f"dask worker {rank} lost its task ({future.status}): the scheduler ended or the task was cancelled")
    lines = str(error).strip().splitlines()
    return EngineError(f"dask worker {rank} failed: {type(error).__name__}: {lines[0] if lines else 'no message'}")
