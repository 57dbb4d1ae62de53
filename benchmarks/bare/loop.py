"""The shortest loop that trains what a cell of manyhands trains: the same model, rows, order, batches and warm-up.

Nothing is measured but when the worker was ready and how long the epochs took. The scripts beside this file run it, one
for each engine, as that engine's own users would; `benchmarks/pytest_suite/test_engines.py` holds manyhands against them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
import torch._dynamo  # the first optimizer imports it, for about a second: part of the launch, as in manyhands
import torch.distributed as dist

from manyhands.data.partition import epoch_order, shard
from manyhands.plan import RunSpec
from manyhands.plugins import workload_class

WARMUP_STEPS = 3
Wrap = Callable[[Any, Any], tuple[Any, Any]]


def job() -> tuple[RunSpec, Path]:
    """What the command line asks for: the cell as JSON, and the file for the result."""
    return RunSpec.from_dict(json.loads(sys.argv[1])), Path(sys.argv[2])


def with_ddp(model: Any, optimizer: Any) -> tuple[Any, Any]:
    """What torch's own users wrap with."""
    return torch.nn.parallel.DistributedDataParallel(model), optimizer


def train(spec: RunSpec, wrap: Wrap, backward: Callable[[Any], None] = torch.Tensor.backward) -> dict[str, float]:
    """Trains this worker's rows once its group is formed: when it was ready (host's clock, s) and the seconds of the epochs."""
    dist.barrier()
    ready = perf_counter()
    workload = workload_class(spec.workload).from_settings(spec.settings)
    arrays = workload.load(Path(spec.data_dir) if spec.data_dir else None).training_rows(spec.total_samples)
    x, y = torch.from_numpy(arrays.x_train), torch.from_numpy(arrays.y_train)

    def fresh() -> tuple[Any, Any]:
        torch.manual_seed(spec.seed)
        model = workload.model()
        return wrap(model, workload.optimizer(model.parameters()))

    def epoch(model: Any, optimizer: Any, number: int, steps: int | None = None) -> None:
        model.train()
        order = shard(epoch_order(len(x), spec.seed, number), dist.get_world_size(), dist.get_rank()).indices
        for rows in torch.from_numpy(order).split(spec.worker_batch_size)[:steps]:
            optimizer.zero_grad()
            backward(workload.loss(model(workload.prepare(x[rows])), y[rows]))
            optimizer.step()

    model, optimizer = fresh()
    epoch(model, optimizer, 0, WARMUP_STEPS)
    dist.barrier()
    began = perf_counter()
    for number in range(1, spec.epochs + 1):
        epoch(model, optimizer, number)
    dist.barrier()
    return {"ready": ready, "train_s": perf_counter() - began}


def gather(result: dict[str, float]) -> list[Any]:
    """All workers' results on rank 0, an empty list elsewhere."""
    results: list[Any] | None = [None] * dist.get_world_size() if dist.get_rank() == 0 else None
    dist.gather_object(result, results)
    return results or []


def leave(results: list[Any], path: Path) -> None:
    """Writes the results of all workers; nothing where there are none."""
    if results:
        path.write_text(json.dumps(results))
