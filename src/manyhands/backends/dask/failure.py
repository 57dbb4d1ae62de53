"""Waits for the ranks' tasks and turns what goes wrong into one line: a rank's error, or the worker that died.

A lost worker is news of the scheduler: its task alone would be given to no other worker and never end.
"""

from __future__ import annotations

from collections.abc import Mapping
from queue import Empty, SimpleQueue
from typing import Any

from manyhands.backends.dask.worker import Followed
from manyhands.errors import EngineError, ManyhandsError

GRACE_S = 2.0
"""Seconds that are waited, once a task has failed, for the news that a worker died or for the error that came first."""


def collect(client: Any, futures: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The ranks' reports in order; `futures`: worker's address -> its rank's future, in order of rank.

    Blocks until all have ended, or one has failed: raises its error where it is one of ours, else EngineError.
    """
    news: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def heard(event: tuple[float, Any]) -> None:
        message = event[1]
        if isinstance(message, dict) and message.get("action") == "remove-worker" and message["worker"] in futures:
            news.put((message["worker"], None))

    ranks = {address: rank for rank, address in enumerate(futures)}
    client.subscribe_topic("all", heard)
    for address in futures.keys() - client.nthreads().keys():
        news.put((address, None))  # lost before anybody listened
    for address, future in futures.items():
        future.add_done_callback(lambda done, address=address: news.put((address, done)))
    try:
        return _wait(news, ranks)
    finally:
        client.unsubscribe_topic("all")


def _wait(news: SimpleQueue[tuple[str, Any]], ranks: Mapping[str, int]) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = []
    failure: ManyhandsError | None = None
    while len(reports) < len(ranks):
        try:
            address, future = news.get(timeout=GRACE_S if failure else None)
        except Empty:
            break
        if future is None:
            raise EngineError(f"dask worker {ranks[address]} ({address}) died while it trained")
        if future.status == "finished":
            reports.append(future.result())
        elif failure is None or isinstance(failure, Followed):
            failure = _error(ranks[address], future)
    if failure:
        raise failure
    return reports


def _error(rank: int, future: Any) -> ManyhandsError:
    error = future.exception() if future.status == "error" else None
    if isinstance(error, ManyhandsError):
        return error
    if error is None:
        return EngineError(f"dask worker {rank} lost its task ({future.status}): the scheduler ended, or somebody cancelled it")
    lines = str(error).strip().splitlines()
    return EngineError(f"dask worker {rank} failed: {type(error).__name__}: {lines[0] if lines else 'no message'}")
