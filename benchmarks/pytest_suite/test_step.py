"""One training step in this process, and the cost of the epoch loop over a bare loop with the same model, data and batch.

Torch with one thread. `test_one_step` times a step: gradients to zero, forward, backward, optimizer. `test_serial_train`
times pairs of epochs, the `train` phase of `serial` and a bare loop in turn, and gives their ratio in `extra_info`: the
median over the pairs, and the best of each, which a busy machine disturbs less (target: 1.02; no pass or fail).

    pytest benchmarks/pytest_suite/test_step.py --benchmark-only -s --mh-workloads cnn --mh-samples 4096
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

from manyhands.backends.ranks.epoch import WARMUP_STEPS, Loop
from manyhands.backends.ranks.loop import train
from manyhands.backends.ranks.network import NetworkWork, network_workload
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.rows import tensor
from manyhands.data.partition import epoch_order
from manyhands.measure.phases import now
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec
from manyhands.plugins import workload_class, workload_classes
from manyhands.pytest_cell import Cell
from manyhands.workloads.base import Arrays, NetworkWorkload

PAIRS = 9

torch = pytest.importorskip("torch")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in thread_variables(1).items():
        monkeypatch.setenv(name, value)  # the epoch loop sets these too: put back after the test
    before = torch.get_num_threads()
    with threadpool_limits(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


NETWORKS = [name for name, workload in workload_classes().items() if workload.kind == "network"]
on_one_process = pytest.mark.cells(*NETWORKS, backend="serial", workers=1, samples=2048, epochs=1)


def of_one_thread(cell: Cell) -> RunSpec:
    """The cell with one thread and one epoch; skips a test of what is not trained in steps."""
    if workload_class(cell.spec.workload).kind != "network" or cell.spec.backend != "serial":
        pytest.skip("a step is that of a network on serial")
    return replace(cell.spec, threads=1, epochs=1)


def rows_of(workload: NetworkWorkload, cell: RunSpec) -> Arrays:
    """The rows that the cell trains on."""
    return workload.load(Path(cell.data_dir) if cell.data_dir else None).training_rows(cell.total_samples)


@pytest.mark.benchmark(group="one step")
@on_one_process
def test_one_step(benchmark: Any, cell: Cell) -> None:
    step_cell = of_one_thread(cell)
    workload = network_workload(step_cell)
    arrays = rows_of(workload, step_cell)
    x, y = (tensor(rows[: step_cell.batch_size]) for rows in (arrays.x_train, arrays.y_train))
    work = NetworkWork(Rank(), workload, step_cell, None)
    loop = Loop(Rank(), work, work.bare, work.optimizer, None)
    benchmark.pedantic(loop.step, ([(x, y, 1.0)],), rounds=50, warmup_rounds=WARMUP_STEPS)
    benchmark.extra_info["batch_size"] = len(y)


@pytest.mark.benchmark(group="serial beside a bare loop, pairs of epochs")
@on_one_process
def test_serial_train_beside_bare_loop(benchmark: Any, cell: Cell) -> None:
    spec = of_one_thread(cell)
    workload = network_workload(spec)
    arrays = rows_of(workload, spec)
    serial_s: list[float] = []
    bare_s: list[float] = []

    def serial() -> None:
        serial_s.append(train(Rank(), spec).worker.phases["train_s"] or 0.0)

    def bare() -> None:
        bare_s.append(bare_train_s(workload, arrays, spec))

    def pair() -> None:
        for one in (serial, bare) if len(serial_s) % 2 else (bare, serial):
            one()

    benchmark.pedantic(pair, iterations=1, rounds=PAIRS)
    ratios = [ours / plain for ours, plain in zip(serial_s, bare_s, strict=True)]
    best = min(serial_s) / min(bare_s)
    benchmark.extra_info |= {"ratio": median(ratios), "ratio_of_best": best, "serial_train_s": serial_s, "bare_train_s": bare_s}
    print(f"\n{spec.workload}: serial / bare loop = {median(ratios):.3f}, best of each {best:.3f}")  # shown with -s or -rP


def bare_train_s(workload: NetworkWorkload, arrays: Arrays, cell: RunSpec) -> float:
    """Seconds of one epoch in the shortest loop there is: warmed up as `serial` is, then from new weights and optimizer."""
    x, y = tensor(arrays.x_train), tensor(arrays.y_train)
    batches = tensor(epoch_order(len(x), cell.seed, 1)).split(cell.batch_size)

    def fresh() -> tuple[Any, Any]:
        torch.manual_seed(cell.seed)
        model = workload.model().train()
        return model, workload.optimizer(model.parameters())

    def epoch(model: Any, optimizer: Any, batches: Any) -> None:
        for rows in batches:
            optimizer.zero_grad()
            loss = workload.loss(model(workload.prepare(x[rows])), y[rows])
            loss.backward()
            optimizer.step()

    epoch(*fresh(), batches[:WARMUP_STEPS])
    model, optimizer = fresh()
    began = now()
    epoch(model, optimizer, batches)
    return now() - began
