"""The one epoch loop. Every backend runs `train` in each of its workers; a backend only starts, wraps, shards and stops.

So a difference between two backends comes from the backend, not from the loop. Each rank returns one report.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.epoch import WARMUP_STEPS, GradientClock, Loop, Split, timed, warm_up
from manyhands.backends.ranks.load import Loaded, load_rows, rows_sum
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.report import RankReport
from manyhands.backends.ranks.rows import row_loader
from manyhands.backends.ranks.sampler import FixedSampler, ShardSampler
from manyhands.backends.ranks.score import evaluate
from manyhands.data.store.opening import open_store
from manyhands.errors import Unavailable, UsageError
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.memory import forget_own_peak
from manyhands.measure.phases import PhaseClock
from manyhands.measure.resources import own_cpu_s
from manyhands.measure.threads import set_threads
from manyhands.measure.worker_report import report_of_this_process
from manyhands.measure.yardstick import Yardstick
from manyhands.plan import RunSpec
from manyhands.workloads._model_file import pack
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.by_name import workload_class
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Training:
    """All that one worker trains with, made in the phase `load`."""

    loaded: Loaded
    bare: torch.nn.Module
    """The model, without what the rank wraps around it."""
    init_sha256: str
    """Hash of the initial weights."""
    sampler: ShardSampler
    loader: Iterable[Any]
    loop: Loop

    def resolved(self, rank: Rank, spec: RunSpec) -> dict[str, Any]:
        """The settings that were really used, for the record."""
        parameters = list(self.bare.parameters())
        return {
            "strategy": rank.strategy,
            "model": type(self.loop.model).__name__,
            "optimizer": type(self.loop.optimizer).__name__,
            "device": rank.device,
            "world_size": rank.world_size,
            "worker_batch_size": spec.worker_batch_size,
            "rows_per_epoch": self.loaded.rows,
            "steps_per_epoch": len(self.sampler),
            "warmup_steps": min(WARMUP_STEPS, len(self.sampler)),
            "parameters": sum(parameter.numel() for parameter in parameters),
            "parameter_bytes": sum(parameter.numel() * parameter.element_size() for parameter in parameters),
        }


def train(rank: Rank, spec: RunSpec, prepared: Callable[[], Arrays] | None = None) -> RankReport:
    """Trains one worker's share and returns its report; call it in every worker, after the group is formed.

    `prepared` reads arrays that the backend has made; None has the workload read the data.
    """
    with imports_without_collection():
        import torch
        import torch._dynamo  # the first optimizer imports it, for about a second: part of the launch, not of the load

    set_threads(spec.threads, os.environ)
    workload = network_workload(spec)
    forget_own_peak()
    rank.barrier()
    clock = PhaseClock(rank.synchronize)
    cpu_before_s = own_cpu_s()

    training = load(rank, workload, spec, prepared)
    arrays, bare, sampler = training.loaded.arrays, training.bare, training.sampler
    rank.barrier()
    clock.lap("load")

    warm_up(training.loop, bare, training.loader)
    sampler.forget()
    torch.manual_seed(spec.seed + rank.rank)  # dropout masks differ between ranks; rank 0 draws what `serial` draws
    rank.barrier()
    clock.lap("warmup")

    yardstick = Yardstick(yardstick_programs(rank, spec))
    history, split = run_epochs(training, yardstick, spec, clock)

    quality = evaluate(rank, workload, bare, arrays)
    if spec.score_epochs:
        history[-1] |= quality
    data = describe_data(workload, arrays, spec.shard_data) if rank.rank == 0 or spec.shard_data else {}
    clock.lap("evaluate")

    saved_bytes = save(rank, workload, bare, spec, clock) if spec.save else None

    worker = replace(
        report_of_this_process(cpu_before_s).timed(clock),
        rank=rank.rank,
        rows_seen=sampler.rows_seen,
        rows_sha256=sampler.rows_hash.hexdigest(),
        train_split=split.of(clock.seconds["train"], rank),
        yardstick=yardstick.seconds or None,
        saved_bytes=saved_bytes,
        **training.loaded.fetched,
    )
    resolved = training.resolved(rank, spec) | ({"yardstick": yardstick.identity} if yardstick.programs else {})
    return RankReport(worker, resolved, quality, history, data, training.init_sha256)


def load(rank: Rank, workload: NetworkWorkload, spec: RunSpec, prepared: Callable[[], Arrays] | None) -> Training:
    """The worker's rows, and the model with its optimizer, batches and loop."""
    import torch

    loaded = load_rows(rank, workload, spec, prepared)
    torch.manual_seed(spec.seed)
    bare = workload.model().to(rank.device)
    init_sha256 = state_sha256(bare)
    model, optimizer = rank.wrap(bare, workload.optimizer(bare.parameters()))
    sampler = (FixedSampler if spec.shard_data else ShardSampler)(loaded.rows, rank.world_size, rank.rank, spec)
    loader = rank.loader(row_loader(loaded.arrays, sampler, rank.device))
    loop = Loop(rank, workload, model, optimizer, GradientClock(bare) if rank.communicates else None)
    return Training(loaded, bare, init_sha256, sampler, loader, loop)


def run_epochs(training: Training, yardstick: Yardstick, spec: RunSpec, clock: PhaseClock) -> tuple[list[dict[str, Any]], Split]:
    """All epochs, each in the phase `train`, with the yardstick around them and scores in between where asked for.

    Returns an entry for each epoch, and the split. An epoch that the yardstick follows ends when all workers have ended it, as the
    last one does: it must not be timed beside training, nor may a wait for a slower worker leave the phase `train`.
    """
    loop, rank = training.loop, training.loop.rank
    history: list[dict[str, Any]] = []
    split = Split()
    time_yardstick(yardstick, rank, clock)
    for epoch in range(1, spec.epochs + 1):
        training.sampler.set_epoch(epoch)
        loop.set_learning_rate(epoch)
        result = loop.epoch(training.loader)
        split.add(result)
        history.append({"epoch": epoch, "loss_sum": result.loss_sum, "rows": result.rows})
        if rank.communicates and (yardstick.programs or epoch == spec.epochs):
            split.communicate_s += timed(rank.barrier)
        clock.lap("train")
        history[-1]["elapsed_s"] = clock.seconds["train"]
        time_yardstick(yardstick, rank, clock)
        if spec.score_epochs and epoch < spec.epochs:
            history[-1] |= evaluate(rank, loop.workload, training.bare, training.loaded.arrays)
            clock.lap("evaluate")
    return history, split


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


def network_workload(spec: RunSpec) -> NetworkWorkload:
    """The workload of the spec with its settings; raises UsageError when it is not of kind `network`."""
    workload = workload_class(spec.workload).from_settings(spec.settings)
    if not isinstance(workload, NetworkWorkload):
        raise UsageError(f"{spec.workload} is of kind {workload.kind}, not network")
    return workload


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


def save(rank: Rank, workload: NetworkWorkload, bare: torch.nn.Module, spec: RunSpec, clock: PhaseClock) -> int | None:
    """Rank 0 writes the model, without what DDP wraps around it, to `spec.save`; returns the bytes written, None on other ranks."""
    size = None
    if rank.rank == 0 and spec.save:
        content = pack(workload, bare)
        open_store(spec.save, spec.reader).write(content)
        size = len(content)
    rank.barrier()
    clock.lap("save")
    return size


def state_sha256(model: torch.nn.Module) -> str:
    """Hash of all weights, in order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def describe_data(workload: NetworkWorkload, arrays: Arrays, shared: bool = False) -> dict[str, Any]:
    """Name, source, rows and hash of the rows that were trained and scored on.

    `shared`: this worker has only its share of the rows, so it adds `rows_sum`, to be summed over the workers.
    """
    described = arrays.describe(workload.data)
    if not shared:
        return described
    train, test = rows_sum(arrays.x_train, arrays.y_train), rows_sum(arrays.x_test, arrays.y_test)
    return described | {"rows_sum": train, "test_rows_sum": test}
