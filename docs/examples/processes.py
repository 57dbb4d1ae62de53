"""A complete backend in one file: plain `multiprocessing` processes, and gloo between them.

    manyhands run cnn --backend docs/examples/processes.py:Processes --workers 1,2

The driver of a run creates the backend and calls `run_ranks`, which starts one process for each worker. Each process joins a group of
torch, calls `run_rank`, and sends back the report that `run_rank` returns. All measuring is done by `run_rank` and by the parent of
the driver.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections.abc import Mapping, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, ClassVar

from manyhands.backends.ranks.base import RankBackend
from manyhands.backends.ranks.bound_store import HOST, listen, port_of, serve
from manyhands.errors import EngineError
from manyhands.parent import die_with_parent
from manyhands.plan import RunSpec
from manyhands.user_files import call


class Processes(RankBackend):
    """One new process for each worker. They meet on loopback, so nothing listens on other interfaces."""

    name: ClassVar[str] = "processes"
    summary: ClassVar[str] = "multiprocessing and gloo"
    libraries: ClassVar[tuple[str, ...]] = ("torch",)
    extra: ClassVar[str] = "torch"

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        return None if spec.device == "cpu" else "processes trains on CPUs only; use --device cpu"

    @classmethod
    def environment(cls, spec: RunSpec) -> dict[str, str]:
        return {"GLOO_SOCKET_IFNAME": "lo"}

    def run_ranks(self, spec: RunSpec) -> Sequence[Mapping[str, Any]]:
        """The reports of all workers; raises EngineError with the number of a worker that failed. No process outlives the call."""
        listener = listen(HOST)
        port = port_of(listener)
        store = serve(listener, HOST, spec.workers)  # it serves while this object exists
        started = [start(rank, port, spec) for rank in range(spec.workers)]
        try:
            return received(started)
        except BaseException:
            for process, _ in started:
                process.kill()
            raise
        finally:
            for process, _ in started:
                process.join()
            del store


def start(rank: int, port: int, spec: RunSpec) -> tuple[BaseProcess, Connection]:
    """The process of one worker, and the end of a pipe at which its report arrives.

    A new process cannot import this file by name, so `call` loads it by its path.
    """
    spawn = multiprocessing.get_context("spawn")
    reader, writer = spawn.Pipe(duplex=False)
    process = spawn.Process(target=call, args=(f"{__file__}:work", rank, port, spec.to_dict(), writer))
    process.start()
    writer.close()
    return process, reader


def work(rank: int, port: int, values: Mapping[str, Any], writer: Connection) -> None:
    """Runs in the process of a worker: joins the group, does the worker's part, and sends the report, or else an error message."""
    die_with_parent()
    try:
        import torch.distributed as dist

        from manyhands.backends.ranks.job import run_rank
        from manyhands.backends.ranks.rank import GroupRank

        spec = RunSpec.from_dict(values)
        store = dist.TCPStore(HOST, port)  # type: ignore[attr-defined]  # torch does not list it
        timeout = timedelta(seconds=spec.timeout_s)
        dist.init_process_group("gloo", store=store, rank=rank, world_size=spec.workers, timeout=timeout)
        writer.send(run_rank(GroupRank(), spec))
        dist.destroy_process_group()
    except Exception as error:
        traceback.print_exc()  # into the log of the run
        writer.send(f"{type(error).__name__}: {error}")
        signal.pause()  # until it is killed: its end would make the other workers fail too


def received(started: Sequence[tuple[BaseProcess, Connection]]) -> list[Mapping[str, Any]]:
    """The reports in the order of their arrival; raises EngineError for the first worker that fails or is killed."""
    reports: list[Mapping[str, Any]] = []
    waiting = {rank: reader for rank, (_, reader) in enumerate(started)}
    while waiting:
        ready = wait(list(waiting.values()))
        for rank in [rank for rank, reader in waiting.items() if reader in ready]:
            try:
                report = waiting.pop(rank).recv()
            except EOFError:
                started[rank][0].join()
                report = "no report"
            if isinstance(report, str):
                killed = [number for number, (process, _) in enumerate(started) if process.exitcode]  # others fail because of it
                raise EngineError(
                    f"processes worker {killed[0]} was killed" if killed else f"processes worker {rank} failed: {report}"
                )
            reports.append(report)
    return reports
