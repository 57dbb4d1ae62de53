"""The one epoch loop. Every backend runs `train` in each of its workers; a backend only starts, wraps, shards and stops.

So a difference between two backends is the backend's, not the loop's. The result is one report of plain values per rank.
"""

from __future__ import annotations

import hashlib
import os
import socket
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.backends._load import load_rows, rows_sum
from manyhands.backends._rank import Rank
from manyhands.backends._sampler import FixedSampler, ShardSampler
from manyhands.data.partition import Batch
from manyhands.data.store.opening import open_store
from manyhands.errors import Unavailable, UsageError
from manyhands.measure.phases import PhaseClock, now
from manyhands.measure.resources import own_cpu_s, own_peak_rss_bytes
from manyhands.measure.threads import read_threads, set_threads
from manyhands.plan import RunSpec
from manyhands.plugins import workload_class
from manyhands.workloads._model_file import pack
from manyhands.workloads.base import Arrays, NetworkWorkload

if TYPE_CHECKING:
    import torch
    from torch.utils.data import DataLoader

WARMUP_STEPS = 3
"""Steps before the clock of `train` starts: the first allocates, DDP builds its buckets after it. Then all is set back."""
SCORE_ROWS = 1000
"""Rows per forward pass when scoring."""


def train(rank: Rank, spec: RunSpec, prepared: Callable[[], Arrays] | None = None) -> dict[str, Any]:
    """Trains one worker's share and returns its report; call it in every worker, after the group is formed.

    `prepared` reads arrays that the backend has made; None has the workload read the data.
    """
    import torch
    import torch._dynamo  # the first optimizer imports it, for about a second: part of the launch, not of the load

    set_threads(spec.threads, os.environ)
    workload = network_workload(spec)
    rank.barrier()
    clock = PhaseClock(rank.synchronize)
    cpu = own_cpu_s()

    loaded = load_rows(rank, workload, spec, prepared)
    arrays = loaded.arrays
    torch.manual_seed(spec.seed)
    bare = workload.model().to(rank.device)
    init_sha256 = state_sha256(bare)
    model, optimizer = rank.wrap(bare, workload.optimizer(bare.parameters()))
    sampler = (FixedSampler if spec.shard_data else ShardSampler)(loaded.rows, rank.world_size, rank.rank, spec)
    loader = rank.loader(row_loader(arrays, sampler, rank.device))
    loop = Loop(rank, workload, model, optimizer, GradientClock(bare) if rank.communicates else None)
    rank.barrier()
    clock.lap("load")

    warm_up(loop, bare, loader)
    sampler.forget()
    torch.manual_seed(spec.seed + rank.rank)  # dropout masks differ between ranks; rank 0 draws what `serial` draws
    rank.barrier()
    clock.lap("warmup")

    history: list[dict[str, Any]] = []
    split = Split()
    for epoch in range(1, spec.epochs + 1):
        sampler.set_epoch(epoch)
        result = loop.epoch(loader)
        split.add(result)
        history.append({"epoch": epoch, "loss_sum": result.loss_sum, "rows": result.rows})
        if epoch == spec.epochs:
            split.communicate_s += timed(rank.barrier) if rank.communicates else 0.0
        clock.lap("train")
        history[-1]["elapsed_s"] = clock.seconds["train"]
        if spec.score_epochs and epoch < spec.epochs:
            history[-1] |= evaluate(rank, workload, bare, arrays)
            clock.lap("evaluate")
    quality = evaluate(rank, workload, bare, arrays)
    if spec.score_epochs:
        history[-1] |= quality
    data = describe_data(workload, arrays, spec.shard_data) if rank.rank == 0 or spec.shard_data else {}
    clock.lap("evaluate")
    saved_bytes = save(rank, workload, bare, spec, clock) if spec.save else None
    after = own_cpu_s()

    return {
        "rank": rank.rank,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "threads": read_threads(),
        "rows_seen": sampler.rows_seen,
        "rows_sha256": sampler.rows_hash.hexdigest(),
        "phases": {f"{phase}_s": seconds for phase, seconds in clock.seconds.items()},
        "train_split": split.of(clock.seconds["train"], rank),
        "cpu_user_s": after[0] - cpu[0],
        "cpu_system_s": after[1] - cpu[1],
        "peak_rss_bytes": own_peak_rss_bytes(),
        **loaded.fetched,
        "saved_bytes": saved_bytes,
        "started": clock.started,
        "ended": clock.ended,
        "history": history,
        "init_sha256": init_sha256,
        "resolved": {
            "strategy": rank.strategy,
            "model": type(model).__name__,
            "optimizer": type(optimizer).__name__,
            "device": rank.device,
            "world_size": rank.world_size,
            "worker_batch_size": spec.worker_batch_size,
            "rows_per_epoch": loaded.rows,
            "steps_per_epoch": len(sampler),
            "warmup_steps": min(WARMUP_STEPS, len(sampler)),
            "parameters": sum(parameter.numel() for parameter in bare.parameters()),
            "parameter_bytes": sum(parameter.numel() * parameter.element_size() for parameter in bare.parameters()),
        },
        "quality": quality,
        "data": data,
    }


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


@dataclass
class Split:
    """Where the time of `train` went, in seconds, and the summed loss over real rows."""

    communicate_s: float = 0.0
    input_s: float = 0.0
    loss_sum: float = 0.0
    rows: int = 0

    def add(self, other: Split) -> None:
        for name, value in asdict(other).items():
            setattr(self, name, getattr(self, name) + value)

    def of(self, train_s: float, rank: Rank) -> dict[str, float | None]:
        """The split of `train_s`; on a GPU, whose work runs on after the call, only `input` can be told apart."""
        measured = rank.communicates and rank.device == "cpu"
        communicate = self.communicate_s if measured else None
        known = rank.device == "cpu"
        return {
            "compute_s": train_s - self.input_s - (communicate or 0.0) if known else None,
            "communicate_s": communicate,
            "input_s": self.input_s,
        }


class GradientClock:
    """When the last gradient of a backward pass was computed: what the pass still takes after it is waiting for workers."""

    def __init__(self, model: torch.nn.Module) -> None:
        self.ready = 0.0
        for parameter in model.parameters():
            parameter.register_hook(self._stamp)  # type: ignore[no-untyped-call]

    def _stamp(self, gradient: torch.Tensor) -> None:
        self.ready = now()


@dataclass
class Loop:
    """What one worker needs to run epochs."""

    rank: Rank
    workload: NetworkWorkload
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    gradients: GradientClock | None

    def epoch(self, loader: Iterable[Any]) -> Split:
        """One pass over the worker's batches."""
        self.model.train()
        result = Split()
        losses: list[torch.Tensor] = []
        counts: list[int] = []
        iterator = iter(loader)
        while True:
            began = now()
            item = next(iterator, None)
            result.input_s += now() - began
            if item is None:
                break
            x, y, weight = item
            loss, waited = self.step(x, y, weight)
            result.communicate_s += waited
            losses.append(loss)
            counts.append(len(y) if weight else 0)
        result.rows = sum(counts)
        result.loss_sum = sum(float(loss) * count for loss, count in zip(losses, counts, strict=True))
        return result

    def step(self, x: torch.Tensor, y: torch.Tensor, weight: float) -> tuple[torch.Tensor, float]:
        """One gradient step; returns the mean loss of the batch and the seconds spent waiting for other workers."""
        self.optimizer.zero_grad()
        loss = self.workload.loss(self.model(self.workload.prepare(x)), y)
        self.rank.backward(loss if weight == 1.0 else loss * weight)
        waited = now() - self.gradients.ready if self.gradients else 0.0
        self.optimizer.step()
        return loss.detach(), waited


def warm_up(loop: Loop, bare: torch.nn.Module, loader: Iterable[Any]) -> None:
    """Runs the first steps and sets weights and optimizer back, so that training starts from the initial weights."""
    import copy

    weights, optimizer = copy.deepcopy(bare.state_dict()), copy.deepcopy(loop.optimizer.state_dict())
    loop.epoch(islice(loader, WARMUP_STEPS))
    bare.load_state_dict(weights)
    loop.optimizer.load_state_dict(optimizer)


def evaluate(rank: Rank, workload: NetworkWorkload, bare: torch.nn.Module, arrays: Arrays) -> dict[str, float]:
    """Quality on the held-out rows, scored by rank 0 alone while the others wait; empty on the others."""
    quality: dict[str, float] = {}
    if rank.rank == 0:
        quality = workload.score(outputs_of(workload, bare, arrays.x_test, rank.device), arrays)
    rank.barrier()
    return quality


def outputs_of(workload: NetworkWorkload, bare: torch.nn.Module, x: NDArray[Any], device: str) -> NDArray[np.float32]:
    """The model's outputs for all rows of `x`, in order."""
    import torch

    bare.eval()
    with torch.no_grad():
        outputs = [
            bare(workload.prepare(tensor(x[start : start + SCORE_ROWS]).to(device))).cpu().numpy()
            for start in range(0, len(x), SCORE_ROWS)
        ]
    return np.concatenate(outputs)


def save(rank: Rank, workload: NetworkWorkload, bare: torch.nn.Module, spec: RunSpec, clock: PhaseClock) -> int | None:
    """Has rank 0 put the model, without what DDP wraps around it, where the spec says; the bytes it wrote, None elsewhere."""
    size = None
    if rank.rank == 0 and spec.save:
        content = pack(workload, bare)
        open_store(spec.save, spec.reader).write(content)
        size = len(content)
    rank.barrier()
    clock.lap("save")
    return size


class Rows:
    """Training rows as tensors, fetched a whole batch at a time."""

    def __init__(self, arrays: Arrays, device: str) -> None:
        self.x = tensor(arrays.x_train).to(device)
        self.y = tensor(arrays.y_train).to(device)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, float]:
        rows = tensor(batch.indices)
        return self.x[rows], self.y[rows], batch.weight


def row_loader(arrays: Arrays, sampler: ShardSampler, device: str) -> DataLoader[Any]:
    """torch's DataLoader over the sampler's batches, in this process: the rows are in memory already."""
    from torch.utils.data import DataLoader

    return DataLoader(Rows(arrays, device), batch_size=None, sampler=sampler, collate_fn=_as_it_is)  # type: ignore[arg-type]


def _as_it_is(batch: Any) -> Any:
    return batch


def tensor(array: NDArray[Any]) -> torch.Tensor:
    """The array as a tensor on the same memory; nobody writes to rows, so memory-mapped ones need no copy either."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable", category=UserWarning)
        return torch.from_numpy(array)


def state_sha256(model: torch.nn.Module) -> str:
    """Hash of all weights, in order of their names."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def describe_data(workload: NetworkWorkload, arrays: Arrays, shared: bool = False) -> dict[str, Any]:
    """Name, source, rows and hash of the rows that were trained and scored on.

    `shared`: this worker has only its share of them, so `rows_sum` is there to be added up over the workers.
    """
    described = arrays.describe(workload.data)
    if not shared:
        return described
    train, test = rows_sum(arrays.x_train, arrays.y_train), rows_sum(arrays.x_test, arrays.y_test)
    return described | {"rows_sum": train, "test_rows_sum": test}


def timed(call: Any) -> float:
    """Seconds that a call takes."""
    began = now()
    call()
    return now() - began
