"""The one epoch loop, in this process: warm-up leaves no trace, loss is that of a bare loop, weights of padding are 0."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from manyhands.backends.ranks.gradient_clock import GradientClock  # noqa: E402
from manyhands.backends.ranks.loop import train  # noqa: E402
from manyhands.backends.ranks.network import NetworkWork, describe_data  # noqa: E402
from manyhands.backends.ranks.rank import Rank  # noqa: E402
from manyhands.backends.ranks.rows import Rows, tensor  # noqa: E402
from manyhands.backends.ranks.sampler import ShardSampler  # noqa: E402
from manyhands.backends.ranks.weights import state_sha256  # noqa: E402
from manyhands.data.partition import epoch_order  # noqa: E402
from manyhands.errors import UsageError  # noqa: E402
from manyhands.measure.phases import now  # noqa: E402
from manyhands.plan import RunSpec  # noqa: E402
from manyhands.plugins import workload_class  # noqa: E402
from manyhands.workloads.base import Arrays, NetworkWorkload  # noqa: E402
from manyhands.workloads.mlp import Mlp  # noqa: E402
from manyhands.workloads.rnn import Rnn  # noqa: E402


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    """`train` sets threads for its whole process, which here is the test run's."""
    environ, threads = dict(os.environ), torch.get_num_threads()
    yield
    os.environ.clear()
    os.environ.update(environ)
    torch.set_num_threads(threads)


def test_the_optimizer_gets_the_rate_of_each_epoch_where_there_is_a_schedule() -> None:
    spec = RunSpec(workload="rnn", backend="serial", samples=64)
    for workload, rate in ((Rnn(learning_rate=0.01, decay=0.5), 0.0025), (Rnn(learning_rate=0.01), 0.01)):
        work = NetworkWork(Rank(), workload, spec, None)
        work.begin(3)
        assert [group["lr"] for group in work.optimizer.param_groups] == [rate]


def bare_losses(spec: RunSpec) -> list[float]:
    """The plainest loop that trains the same: no sampler, no clock, no warm-up."""
    workload = workload_class(spec.workload).from_settings(spec.settings)
    assert isinstance(workload, NetworkWorkload)
    arrays = workload.load(None).training_rows(spec.samples)
    torch.manual_seed(spec.seed)
    model = workload.model()
    optimizer = workload.optimizer(model.parameters())
    losses = []
    for epoch in range(1, spec.epochs + 1):
        order, total = epoch_order(len(arrays.x_train), spec.seed, epoch), 0.0
        for start in range(0, len(order), spec.batch_size):
            rows = order[start : start + spec.batch_size]
            loss = workload.loss(
                model(workload.prepare(torch.from_numpy(arrays.x_train[rows]))), torch.from_numpy(arrays.y_train[rows])
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(order))
    return losses


@pytest.mark.parametrize(("workload", "settings"), [("rnn", {}), ("lstm", {"dropout": 0.0, "window": 10})])
def test_losses_are_those_of_a_bare_loop(workload: str, settings: dict[str, object]) -> None:
    spec = RunSpec(workload=workload, backend="serial", samples=300, epochs=2, settings=settings)
    torch.set_num_threads(1)
    wanted = bare_losses(spec)
    report = train(Rank(), spec)
    assert [epoch["loss_sum"] / epoch["rows"] for epoch in report.history] == pytest.approx(wanted, abs=1e-6)


def test_scoring_every_epoch_stays_out_of_train_and_changes_nothing() -> None:
    plain = RunSpec(workload="rnn", backend="serial", samples=256, epochs=2)
    report = train(Rank(), plain)
    scored = train(Rank(), RunSpec.from_dict(plain.to_dict() | {"score_epochs": True}))
    assert [epoch["loss_sum"] for epoch in scored.history] == [epoch["loss_sum"] for epoch in report.history]
    assert "accuracy" not in report.history[0]
    assert scored.history[-1]["accuracy"] == scored.quality["accuracy"] == report.quality["accuracy"]
    assert scored.history[-1]["elapsed_s"] == pytest.approx(scored.worker.phases["train_s"])


def test_a_users_class_says_what_is_proved_and_ours_does_not() -> None:
    pytest.importorskip("sklearn")
    tumours = Path(__file__).parents[3] / "docs" / "examples" / "tumours.py"
    report = train(Rank(), RunSpec(workload=f"{tumours}:Tumours", backend="serial"))
    assert report.resolved["proof"] == {"door": "class", "proved": ["rows", "order of rows", "initial weights"], "not_proved": []}
    assert "proof" not in train(Rank(), RunSpec(workload="rnn", backend="serial", samples=64)).resolved


OWN = """
import torch
from manyhands.workloads.rnn import Rnn


class Half(Rnn):
    def model(self):
        return super().model().bfloat16()

    def prepare(self, x):
        return super().prepare(x).bfloat16()


class Noisy(Rnn):
    def prepare_training(self, x):
        return torch.rand(len(x), 28, 28)
"""


def own(folder: Path, name: str) -> RunSpec:
    """A class of a user's file."""
    (folder / "own.py").write_text(OWN)
    return RunSpec(workload=f"{folder}/own.py:{name}", backend="serial", samples=256, epochs=2)


def test_weights_in_bfloat16_are_hashed_and_scored(tmp_path: Path) -> None:
    report = train(Rank(), own(tmp_path, "Half"))
    assert report.init_sha256 == train(Rank(), own(tmp_path, "Half")).init_sha256
    assert report.init_sha256 != train(Rank(), RunSpec(workload="rnn", backend="serial", samples=256)).init_sha256
    assert report.resolved["parameter_bytes"] == 2 * report.resolved["parameters"]
    assert 0 < report.quality["accuracy"] < 1


def test_rows_are_changed_for_training_alone(tmp_path: Path) -> None:
    """What is learnt from noise is nothing, and yet the true rows are scored."""
    noisy, plain = (
        train(Rank(), own(tmp_path, "Noisy")),
        train(Rank(), RunSpec(workload="rnn", backend="serial", samples=256, epochs=2)),
    )
    assert noisy.history != plain.history
    assert noisy.init_sha256 == plain.init_sha256


def test_learning_improves_on_the_first_epoch() -> None:
    report = train(Rank(), RunSpec(workload="cnn", backend="serial", samples=512, epochs=3))
    losses = [epoch["loss_sum"] / epoch["rows"] for epoch in report.history]
    assert losses[-1] < losses[0]


def test_other_kinds_are_refused() -> None:
    for workload, kind in (("kmeans", "clustering"), ("collective", "collective")):
        with pytest.raises(UsageError, match=f"^{workload} is of kind {kind}, not network$"):
            train(Rank(), RunSpec(workload=workload, backend="serial"))
    with pytest.raises(UsageError, match="unknown workload 'none'"):
        train(Rank(), RunSpec(workload="none", backend="serial"))


def test_padding_is_neither_counted_nor_hashed() -> None:
    spec = RunSpec(workload="cnn", backend="ddp", workers=2, batch_size=8)
    samplers = [ShardSampler(9, 2, rank, spec) for rank in (0, 1)]
    steps = [list(sampler) for sampler in samplers]
    assert [len(batches) for batches in steps] == [len(sampler) for sampler in samplers] == [2, 2]
    assert sum(sampler.rows_seen for sampler in samplers) == 9
    assert [batches[-1].weight for batches in steps] == [2.0, 0.0]


def test_memory_mapped_rows_need_no_copy() -> None:
    rows = np.arange(6).reshape(3, 2)
    rows.flags.writeable = False
    assert tensor(rows).data_ptr() == rows.ctypes.data


def test_gradient_clock_stops_at_the_last_gradient() -> None:
    model = torch.nn.Linear(3, 1)
    clock, began = GradientClock(model), now()
    model(torch.ones(1, 3)).sum().backward()
    assert began < clock.ready <= now()


def test_gradient_clock_goes_on_with_the_parameter_that_came_last() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    clock = GradientClock(model)
    model(torch.ones(1, 3)).sum().backward()
    first, last = clock.ready, clock.latest
    clock.watch_latest()
    assert last < 2  # of the first layer
    assert [bool(parameter._backward_hooks) for parameter in model.parameters()] == [number == last for number in range(4)]
    model(torch.ones(1, 3)).sum().backward()
    assert clock.ready > first


def test_gradient_clock_leaves_frozen_weights_alone() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.Linear(2, 1))
    model[0].requires_grad_(False)
    clock = GradientClock(model)
    model(torch.ones(1, 3)).sum().backward()
    clock.watch_latest()
    assert clock.ready > 0
    assert sum(bool(parameter._backward_hooks) for parameter in model.parameters()) == 1


def test_hashes_tell_weights_and_rows_apart() -> None:
    torch.manual_seed(0)
    first, second = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    assert state_sha256(first) != state_sha256(second)
    assert state_sha256(first) == state_sha256(first)
    rows = np.zeros((4, 2), np.float32)
    one, other = Arrays(rows, rows, rows, rows, "made"), Arrays(rows + 1, rows, rows, rows, "made")
    assert describe_data(Mlp(), one)["sha256"] != describe_data(Mlp(), other)["sha256"]
    assert len(Rows(one, "cpu")) == 4
