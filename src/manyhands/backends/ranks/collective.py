"""The one all-reduce loop of kind `collective`, run in every rank of every network backend; it returns a report, as `ranks.loop` does.

A repetition is timed from the end of a barrier until the sum has arrived, on each rank's own clock; the slowest rank counts. The
rank that leaves the barrier first also waits for the last rank to leave it, so the measured latency is slightly too long.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from manyhands.backends.estimators.run import workload_of
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.report import RankReport
from manyhands.machine import host_name
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.memory import forget_own_peak
from manyhands.measure.phases import PhaseClock, now
from manyhands.measure.resources import own_cpu_s
from manyhands.measure.threads import set_threads
from manyhands.measure.worker_report import report_of_this_process
from manyhands.plan import RunSpec
from manyhands.workloads.kinds.collective import ELEMENT_BYTES, CollectiveWorkload

if TYPE_CHECKING:
    import torch

PERIOD = 251
"""Elements after which the values of a message repeat: a prime, so that no part of a message equals its neighbour."""
BLOCK = PERIOD * 4096
"""Elements that are filled and checked at once."""
MEMORY_SHARE = 0.5
"""Share of a host's free memory that the messages of its ranks may take."""


def exchange(rank: Rank, spec: RunSpec) -> RankReport:
    """Sums messages of every size with all other workers and returns this worker's report."""
    with imports_without_collection():
        import torch
        import torch.distributed as dist

    set_threads(spec.threads, os.environ)
    workload = workload_of(spec, CollectiveWorkload)
    forget_own_peak()
    rank.barrier()
    clock = PhaseClock(rank.synchronize)
    cpu_before_s = own_cpu_s()

    fitting = elements_that_fit(rank)
    sizes = [size for size in workload.sizes() if size <= fitting]
    buffer = torch.zeros(max(sizes, default=0), device=rank.device)
    pattern = (torch.arange(min(BLOCK, len(buffer)), device=rank.device) % PERIOD).to(torch.float32)
    rank.barrier()
    clock.lap("load")

    measured = [sum_message(rank, workload, buffer[:size], pattern, clock) for size in sizes]
    worker = replace(
        report_of_this_process(cpu_before_s).timed(clock),
        rank=rank.rank,
        train_split={"compute_s": None, "communicate_s": sum(sum(size["seconds"]) for size in measured), "input_s": None},
        all_reduce=measured,
    )
    resolved = {
        "strategy": "torch.distributed.all_reduce",
        "group": dist.get_backend(),
        "device": rank.device,
        "world_size": rank.world_size,
        "left_out_elements": [size for size in workload.sizes() if size > fitting],
        "warmup_repetitions": workload.warmup,
    }
    return RankReport(worker, resolved)


def sum_message(
    rank: Rank, workload: CollectiveWorkload, message: torch.Tensor, pattern: torch.Tensor, clock: PhaseClock
) -> dict[str, Any]:
    """`elements` of the message, `seconds` of each timed all-reduce of it, and whether every sum was `right`."""
    import torch.distributed as dist

    seconds: list[float] = []
    right = True
    for repetition in range(-workload.warmup, workload.repetitions):
        fill(message, pattern, rank.rank)
        rank.barrier()
        clock.lap("load" if repetition >= 0 else "warmup")
        began = now()
        dist.all_reduce(message)
        rank.synchronize()
        taken = now() - began
        clock.lap("train" if repetition >= 0 else "warmup")
        right = holds_sum(message, pattern, rank.world_size) and right
        clock.lap("evaluate" if repetition >= 0 else "warmup")
        seconds += [taken] if repetition >= 0 else []
    return {"elements": len(message), "seconds": seconds, "right": right}


def elements_that_fit(rank: Rank) -> int:
    """Most elements of a message that fit the memory of every host, with one message for each of its ranks; the same on every rank."""
    import torch
    import torch.distributed as dist

    hosts = torch.zeros(rank.world_size, dtype=torch.int64, device=rank.device)
    hosts[rank.rank] = zlib.crc32(host_name().encode())
    dist.all_reduce(hosts)
    together = int((hosts == hosts[rank.rank]).sum()) if rank.device == "cpu" else 1
    room = torch.tensor(int(MEMORY_SHARE * free_bytes(rank.device)) // (together * ELEMENT_BYTES), device=rank.device)
    dist.all_reduce(room, op=dist.ReduceOp.MIN)
    return int(room)


def free_bytes(device: str) -> int:
    """Free memory of this host, or of its GPU."""
    if device != "cpu":
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def fill(message: torch.Tensor, pattern: torch.Tensor, rank: int) -> None:
    """Gives every element the value that this rank contributes: its place in the period, plus the rank counted from 1."""
    for part in blocks(message):
        part.copy_(pattern[: len(part)]).add_(rank + 1)


def holds_sum(message: torch.Tensor, pattern: torch.Tensor, world_size: int) -> bool:
    """True when every element is the sum over all ranks; exact up to 5000 ranks, because float32 counts to 2^24."""
    import torch

    wanted = pattern * world_size + world_size * (world_size + 1) / 2
    return all(torch.equal(part, wanted[: len(part)]) for part in blocks(message))


def blocks(message: torch.Tensor) -> list[torch.Tensor]:
    """Views of the message, `BLOCK` elements each but the last."""
    return [message[start : start + BLOCK] for start in range(0, len(message), BLOCK)]
