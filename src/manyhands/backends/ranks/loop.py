"""The one epoch loop. Every backend runs `train` in each of its workers; a backend only starts, wraps, shards and stops.

So a difference between two backends comes from the backend, not from the loop. Each rank returns one report.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from manyhands.backends.ranks.epoch import WARMUP_STEPS, Loop, Split, timed, warm_up
from manyhands.backends.ranks.function import FunctionWork
from manyhands.backends.ranks.gradient_clock import GradientClock
from manyhands.backends.ranks.length import Length
from manyhands.backends.ranks.network import NetworkWork, network_workload
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.report import RankReport
from manyhands.backends.ranks.weights import size_of_weights
from manyhands.backends.ranks.work import Work
from manyhands.backends.sync.by_name import strategy
from manyhands.backends.sync.strategy import Site
from manyhands.data.store.opening import open_store
from manyhands.errors import DataError, Unavailable
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.memory import forget_own_peak
from manyhands.measure.phases import PhaseClock
from manyhands.measure.resources import own_cpu_s
from manyhands.measure.threads import set_threads
from manyhands.measure.worker_report import report_of_this_process
from manyhands.measure.yardstick import Yardstick
from manyhands.plan import RunSpec
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.kinds.function import FunctionWorkload


def train(rank: Rank, spec: RunSpec, prepared: Callable[[], Arrays] | None = None) -> RankReport:
    """Trains one worker's share and returns its report; call it in every worker, after the group is formed.

    `prepared` reads arrays that the backend has made for a network; None has the workload read the data.
    """
    with imports_without_collection():
        import torch._dynamo  # noqa: F401 - the first optimizer imports it, for about a second: part of the launch, not of the load

    set_threads(spec.threads, os.environ)
    make = maker(rank, spec, prepared)
    forget_own_peak()
    rank.barrier()
    clock = PhaseClock(rank.synchronize)
    cpu_before_s = own_cpu_s()

    loop = wrapped(rank, make())
    try:
        return measured(loop, spec, clock, cpu_before_s)
    finally:
        loop.sync.close()


def measured(loop: Loop, spec: RunSpec, clock: PhaseClock, cpu_before_s: tuple[float, float]) -> RankReport:
    """The report of a worker that trains now; `cpu_before_s`: user and system seconds of its process before."""
    rank, work = loop.rank, loop.work
    rank.barrier()
    clock.lap("load")

    alone_s = warm_up(loop)
    work.seed(spec.seed + rank.rank)  # dropout masks differ between ranks; rank 0 draws what `serial` draws
    rank.barrier()
    clock.lap("warmup")

    yardstick = Yardstick(yardstick_programs(rank, spec))
    length = Length(spec, rank, clock)
    history, split = run_epochs(loop, yardstick, length)

    quality = evaluate(loop)
    if spec.score_epochs:
        history[-1] |= quality
    data = work.data()
    clock.lap("evaluate")

    saved_bytes = save(rank, work, clock) if spec.save else None

    worker = replace(
        report_of_this_process(cpu_before_s).timed(clock),
        rank=rank.rank,
        train_split=split.of(clock.seconds["train"], rank),
        yardstick=yardstick.seconds or None,
        saved_bytes=saved_bytes,
        **work.worker_fields,
    )
    settings = resolved(loop, length) | ({"yardstick": yardstick.identity} if yardstick.programs else {})
    if rank.world_size > 1:
        settings["sync"] = agreed(loop, split.steps, alone_s)
    return RankReport(worker, settings, quality, history, data, work.init_sha256)


def maker(rank: Rank, spec: RunSpec, prepared: Callable[[], Arrays] | None) -> Callable[[], Work]:
    """The call that makes the work of the spec; raises UsageError when its workload is not trained in epochs."""
    workload = workload_class(spec.workload)
    if issubclass(workload, FunctionWorkload):
        function = workload.from_settings(spec.settings)
        return lambda: FunctionWork(rank, function, spec)
    network = network_workload(spec)
    return lambda: NetworkWork(rank, network, spec, prepared)


def wrapped(rank: Rank, work: Work) -> Loop:
    """The loop over the work, with model and optimizer as the rank wraps them."""
    sync = strategy(work.spec.sync)
    loop = Loop(rank, work, work.bare, work.optimizer, None, sync)
    site = Site(
        work.label, work.spec, rank.rank, rank.world_size, work.bare, work.optimizer, work.accumulate, work.batches, loop.steps
    )
    inside: Any = None
    if sync.wraps:
        loop.model, loop.optimizer = rank.wrap(work.bare, work.optimizer, **{**work.wrapping, **sync.options(site)})
        loop.gradients = GradientClock(work.bare) if rank.communicates else None
        inside = rank.inside(loop.model)
    loop.optimizer = sync.begin(site, inside) or loop.optimizer
    return loop


def run_epochs(loop: Loop, yardstick: Yardstick, length: Length) -> tuple[list[dict[str, Any]], Split]:
    """All epochs, each in the phase `train`, with the yardstick around them and scores in between where asked for.

    Returns an entry for each epoch, and the split. An epoch that the yardstick follows ends when all workers have ended it, as the
    last one does: it must not be timed beside training, nor may a wait for a slower worker leave the phase `train`.
    """
    rank, work, clock = loop.rank, loop.work, length.clock
    history: list[dict[str, Any]] = []
    split = Split()
    time_yardstick(yardstick, rank, clock)
    epoch, last = 0, False
    while not last:
        epoch += 1
        work.begin(epoch)
        result = loop.epoch(work.loader, length.watched)
        work.epoch_ended()
        split.add(result)
        if result.steps:
            history.append({"epoch": epoch, "loss_sum": result.loss_sum, "rows": result.rows})
        elif not history:
            who = "one of the workers" if work.ragged else f"worker {rank.rank}"
            raise DataError(f"{work.label}: its data gave {who} no batch; give more rows, or fewer workers")
        last = length.over(epoch) or not result.steps
        if rank.communicates and (yardstick.programs or last):
            split.communicate_s += timed(rank.barrier)
        clock.lap("train")
        history[-1]["elapsed_s"] = clock.seconds["train"]
        time_yardstick(yardstick, rank, clock)
        if length.spec.score_epochs and not last:
            history[-1] |= evaluate(loop)
            clock.lap("evaluate")
    return history, split


def resolved(loop: Loop, length: Length) -> dict[str, Any]:
    """The settings that were really used, for the record."""
    rank, work, spec = loop.rank, loop.work, loop.work.spec
    steps = loop.steps
    found: dict[str, Any] = {
        "strategy": loop.sync.ran or rank.strategy,
        "model": type(loop.model).__name__,
        "optimizer": type(loop.optimizer).__name__,
        "device": rank.device,
        "world_size": rank.world_size,
        "worker_batch_size": spec.worker_batch_size if spec.batch_size is not None else None,
        "rows_per_epoch": work.rows,
        "steps_per_epoch": steps,
        "warmup_steps": WARMUP_STEPS if steps is None else min(WARMUP_STEPS, steps),
    }
    found |= size_of_weights(work.bare) | work.resolved
    return found if spec.counts_epochs else found | {"steps_trained": length.steps}


def agreed(loop: Loop, steps: int, alone_s: float | None) -> dict[str, Any]:
    """The agreement of the workers on their weights, for the record; `alone_s`: seconds of a step of one worker alone."""
    found: dict[str, Any] = {
        "strategy": loop.sync.text,
        "exact": loop.sync.exact,
        "bytes_sent_per_step": loop.sync.sent_bytes(steps) / steps,
    }
    return found if alone_s is None else found | {"alone_step_s": alone_s}


def evaluate(loop: Loop) -> dict[str, float]:
    """Quality of the model, scored by rank 0 while the other ranks wait; empty on other ranks, and where each has a model of its own."""
    quality = loop.work.score() if loop.rank.rank == 0 and loop.sync.exchanges else {}
    loop.rank.barrier()
    return quality


def time_yardstick(yardstick: Yardstick, rank: Rank, clock: PhaseClock) -> None:
    """Times the fixed programs in all workers at once, in a phase of their own."""
    if yardstick.programs:
        rank.barrier()
        yardstick.measure()
        rank.barrier()
        clock.lap("yardstick")


def yardstick_programs(rank: Rank, spec: RunSpec) -> tuple[str, ...]:
    """The names of the fixed programs of a run: by default one that trains a network too. None on a GPU, whose speed they do not show."""
    if rank.device != "cpu" or "none" in spec.yardstick:
        return ()
    return spec.yardstick or ("network",)


def check_device(spec: RunSpec) -> str:
    """The device of this process, `cpu` or `cuda:<local rank>`; raises Unavailable when there is no such GPU."""
    if spec.device == "cpu":
        return "cpu"
    import torch

    local_rank = int(os.environ.get("LOCAL_RANK", "0"))
    if local_rank >= torch.cuda.device_count():
        raise Unavailable(
            f"--device cuda needs a GPU for each worker; this host has {torch.cuda.device_count()}: use --device cpu"
        )
    torch.cuda.set_device(local_rank)
    return f"cuda:{local_rank}"


def save(rank: Rank, work: Work, clock: PhaseClock) -> int | None:
    """Rank 0 writes the model, without what DDP wraps around it, to `spec.save`; returns the bytes written, None on other ranks."""
    size = None
    if rank.rank == 0 and work.spec.save:
        content = work.packed()
        open_store(work.spec.save, work.spec.reader).write(content)
        size = len(content)
    rank.barrier()
    clock.lap("save")
    return size
