"""The tasks that Dask runs inside its workers: one for each rank; together they form a torch process group and train.

A worker of an existing cluster runs on afterwards, so a task leaves no group, socket, environment variable or thread count.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands import __version__
from manyhands.backends.dask.process_group import failed_first, meet
from manyhands.backends.nodes.interface import interface_of
from manyhands.backends.ranks.rank import GroupRank
from manyhands.backends.ranks.sent_files import forget_below, received
from manyhands.environment import restored
from manyhands.errors import EngineError
from manyhands.measure.garbage import imports_without_collection
from manyhands.user_files import root_of

if TYPE_CHECKING:
    import torch

HANDSHAKE_S = 20.0
"""Longest wait for the connections between the ranks, once all have arrived; the ranks would wait for one that dies just then."""


def describe(dask_worker: Any = None) -> tuple[str, int]:
    """The version of manyhands in a worker and the number of tasks that run there, cancelled ones too; Dask passes the worker."""
    return __version__, len(dask_worker.state.executing)


def forget(file: str) -> None:
    """Has the next run load a user's file and the modules beside it and of its package anew: this worker may have them from an earlier run."""
    forget_below(root_of(Path(file).resolve()))


def rank_task(job: Mapping[str, Any], rank: int, local_rank: int, meeting: tuple[str, int]) -> dict[str, Any]:
    """The task of one rank: joins the group at the store of rank 0, does its work, leaves the group; returns its report.

    `job`: the spec, see `ranks.sent_files`; `local_rank`: this rank's number among the ranks of its host; `meeting`: the host and port
    from `open_listener`.
    """
    with imports_without_collection():
        import torch.distributed as dist
        from distributed import get_worker
        from threadpoolctl import threadpool_limits

        from manyhands.backends.ranks.job import run_rank
        from manyhands.backends.ranks.loop import check_device

    with restored(), threadpool_limits(), children_allowed(), received(job) as spec:
        os.environ["LOCAL_RANK"] = str(local_rank)
        if interface := interface_of(get_worker().ip):
            os.environ["GLOO_SOCKET_IFNAME"] = interface
        device = check_device(spec)
        task = Task()
        store = meet(rank, spec.workers, meeting, lambda: task.check(rank))
        dist.init_process_group(
            "gloo" if device == "cpu" else "nccl",
            store=store,
            rank=rank,
            world_size=spec.workers,
            timeout=timedelta(seconds=HANDSHAKE_S),
        )
        try:
            dist.distributed_c10d._set_pg_timeout(timedelta(seconds=spec.timeout_s))
            return run_rank(DaskRank(device, task), spec)
        except Exception as error:
            if not failed_first(store, rank):
                raise ConsequentError(f"dask worker {rank} lost another worker") from error
            raise
        finally:
            dist.destroy_process_group()


@contextmanager
def children_allowed() -> Iterator[None]:
    """Lets a DataLoader start processes: Dask's workers are daemons, which may have none. They end with their loader."""
    settings: dict[str, Any] = multiprocessing.current_process()._config  # type: ignore[attr-defined]  # there is no public way
    before = settings.get("daemon")
    settings["daemon"] = False
    try:
        yield
    finally:
        settings["daemon"] = before


class Task:
    """The Dask task that this thread runs."""

    def __init__(self) -> None:
        from distributed import get_worker

        worker = get_worker()
        self.state = worker.state.tasks[worker.get_current_task()]

    def check(self, rank: int) -> None:
        """Raises EngineError when the task was cancelled or its client has ended; Dask itself never stops a running task."""
        if self.state.state == "cancelled":
            raise EngineError(f"dask worker {rank} stopped because its task was cancelled")


class DaskRank(GroupRank):
    """A rank that stops when its task is cancelled."""

    def __init__(self, device: str, task: Task) -> None:
        super().__init__(device)
        self.task = task

    def backward(self, loss: torch.Tensor) -> None:
        self.task.check(self.rank)
        super().backward(loss)

    def barrier(self) -> None:
        self.task.check(self.rank)
        super().barrier()


class ConsequentError(EngineError):
    """The error of a rank that failed because another rank had failed first."""
