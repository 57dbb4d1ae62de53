"""A training that a function builds, in this process: the losses are those of a bare loop, the warm-up leaves nothing behind, and mistakes are
found in the first step."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from manyhands.backends.ranks import epoch as epoch_module  # noqa: E402
from manyhands.backends.ranks.fit import network_fit  # noqa: E402
from manyhands.backends.ranks.loop import train  # noqa: E402
from manyhands.backends.ranks.rank import Rank  # noqa: E402
from manyhands.backends.ranks.report import RankReport  # noqa: E402
from manyhands.data.partition import epoch_order, shard  # noqa: E402
from manyhands.errors import DataError, UsageError  # noqa: E402
from manyhands.plan import RunSpec  # noqa: E402
from manyhands.user_files import load  # noqa: E402

OWN = Path(__file__).parents[1] / "functions" / "own_training" / "train.py"


@pytest.fixture(autouse=True)
def process_as_before() -> Iterator[None]:
    """`train` sets threads for its whole process, which here is the test run's."""
    environ, threads = dict(os.environ), torch.get_num_threads()
    yield
    os.environ.clear()
    os.environ.update(environ)
    torch.set_num_threads(threads)


def spec(name: str, **changes: Any) -> RunSpec:
    defaults = {"workload": f"{OWN}:{name}", "backend": "serial", "batch_size": None, "yardstick": ("none",)}
    return RunSpec(**(defaults | changes))


def trained(name: str, **changes: Any) -> RankReport:
    return train(Rank(), spec(name, **changes))


def losses(report: RankReport) -> list[float]:
    return [entry["loss_sum"] / entry["rows"] for entry in report.history]


def bare_losses(epochs: int) -> list[float]:
    """The plainest loop that trains `full` the same: no clock, no warm-up."""
    torch.manual_seed(0)
    made = load(f"{OWN}:full")()
    losses = []
    for epoch in range(1, epochs + 1):
        batches, total = torch.from_numpy(epoch_order(301, 0, epoch)).split(16), 0.0
        for first in range(0, len(batches), 2):
            made.optimizer.zero_grad()
            pair = batches[first : first + 2]
            for rows in pair:
                batch = {"x": made.data.x[rows], "y": made.data.y[rows]}
                loss = made.loss(made.model(batch["x"]), batch)
                (loss / len(pair)).backward()
                total += loss.item() * len(rows)
            torch.nn.utils.clip_grad_norm_(made.model.parameters(), 1.0)
            made.optimizer.step()
            made.scheduler.step()
        losses.append(total / 301)
    return losses


def test_losses_are_those_of_a_bare_loop_with_accumulation_clipping_and_a_schedule() -> None:
    torch.set_num_threads(1)
    wanted = bare_losses(2)
    report = trained("full", epochs=2)
    assert losses(report) == pytest.approx(wanted, abs=1e-6)
    assert losses(report)[1] < losses(report)[0]
    assert report.resolved["steps_per_epoch"] == 10
    assert (report.resolved["scheduler"], report.resolved["accumulate"], report.resolved["clip_norm"]) == ("OneCycleLR", 2, 1.0)
    assert report.resolved["frozen_parameters"] == 8


def test_rows_are_in_our_order_and_the_record_says_what_is_proved() -> None:
    report = trained("full", epochs=1)
    order = shard(epoch_order(301, 0, 1), 1, 0).rows
    assert report.worker.rows_sha256 == hashlib.sha256(order.tobytes()).hexdigest()
    assert report.worker.rows_seen == 301
    assert report.resolved["proof"] == {
        "door": "function",
        "proved": ["numbers of rows", "order of rows", "initial weights"],
        "not_proved": ["contents of rows"],
    }
    assert report.data == {"name": "Digits", "source": "train.py:full", "rows": {"train": 301}}
    assert 0 < report.quality["accuracy"] <= 1


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("full", {"settings": {"dropout": 0.3, "noisy": True}, "epochs": 3}),
        ("own_loss", {"epochs": 2}),
        ("as_it_comes", {"epochs": 2}),
        ("weighted", {"epochs": 2}),
        ("normalised", {"epochs": 2}),
        ("in_epochs", {"epochs": 2}),
    ],
)
def test_a_warm_up_leaves_nothing_behind(name: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, buffers, optimizer, a schedule for each step, dropout, noise from a generator of the dataset's own and from torch's."""
    torch.set_num_threads(1)
    warm = trained(name, **changes)
    monkeypatch.setattr(epoch_module, "WARMUP_STEPS", 0)
    cold = trained(name, **changes)
    assert losses(warm) == losses(cold)
    assert warm.quality == cold.quality
    assert (warm.worker.rows_seen, warm.worker.rows_sha256) == (cold.worker.rows_seen, cold.worker.rows_sha256)


def test_a_loaders_processes_change_no_loss_and_count_no_row_twice() -> None:
    torch.set_num_threads(1)
    here, away = trained("full"), trained("full", loader_workers=2)
    assert losses(away) == losses(here)
    assert away.worker.rows_sha256 == here.worker.rows_sha256
    assert (here.resolved["loader_workers"], away.resolved["loader_workers"]) == (0, 2)
    stopped = trained("full", loader_workers=2, steps=3)
    assert (stopped.worker.rows_seen, stopped.resolved["steps_trained"]) == (96, 3)


def test_a_model_with_its_own_loss_in_a_loader_that_drops_the_last_rows() -> None:
    report = trained("own_loss", epochs=2)
    assert (report.resolved["rows_per_epoch"], report.resolved["batch_size"], report.worker.rows_seen) == (288, 32, 576)


def test_a_schedule_per_epoch_moves_after_the_epoch() -> None:
    first, second, third = losses(trained("in_epochs", epochs=3))
    assert second != first
    assert third == pytest.approx(second, rel=0.05), "the rate is 0 from the second epoch on"


def test_steps_and_seconds_end_training_wherever_an_epoch_is() -> None:
    report = trained("own_loss", steps=13)
    assert [entry["rows"] for entry in report.history] == [288, 128]
    fit = network_fit([report.to_dict()], spec("own_loss", steps=13))
    assert (fit.resolved["steps_trained"], fit.resolved["rows_trained"], fit.resolved["epochs_trained"]) == (13, 416, 2)
    timed = trained("own_loss", max_seconds=0.2)
    assert 0.2 <= (timed.worker.phases["train_s"] or 0.0) < 1.0
    assert timed.worker.rows_seen == sum(entry["rows"] for entry in timed.history) > 288


def test_steps_end_a_network_of_ours_too() -> None:
    report = train(Rank(), RunSpec(workload="rnn", backend="serial", samples=128, steps=3, yardstick=("none",)))
    assert (report.resolved["steps_trained"], report.worker.rows_seen) == (3, 192)


def test_samples_are_the_same_rows_in_every_run() -> None:
    first, again = trained("full", samples=64), trained("full", samples=64)
    assert losses(first) == losses(again)
    assert first.resolved["rows_per_epoch"] == 64
    with pytest.raises(DataError, match="the dataset has 301 rows, 302 were asked for; use fewer --samples"):
        trained("full", samples=302)


def test_data_that_are_iterated_over_prove_less() -> None:
    report = trained("as_it_comes")
    assert report.resolved["proof"]["proved"] == ["initial weights"]
    assert report.worker.rows_seen == 100
    assert report.worker.rows_sha256 is None
    assert (report.resolved["rows_per_epoch"], report.resolved["autocast"]) == (None, "bfloat16")
    with pytest.raises(UsageError, match=r"train.py:as_it_comes: --samples would not reach its data"):
        trained("as_it_comes", samples=10)


def test_a_loader_with_its_own_sampler_is_taken_as_it_comes() -> None:
    torch.set_num_threads(1)
    report, away = trained("weighted", epochs=2), trained("weighted", epochs=2, loader_workers=1)
    assert report.resolved["proof"]["proved"] == ["initial weights"]
    assert (report.worker.rows_seen, report.resolved["worker_batch_size"], report.resolved["loader_workers"]) == (200, 20, 0)
    assert away.resolved["loader_workers"] == 1
    assert losses(away) == losses(report)
    with pytest.raises(UsageError, match=r"train.py:weighted: --batch-size would not reach its DataLoader"):
        trained("weighted", batch_size=10)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("summed", "the loss is the sum over the rows of a batch"),
        ("normalised", "BatchNorm takes its statistics from the rows of each worker alone"),
        ("idle", "the first step gives idle no gradient; for several workers freeze them"),
    ],
)
def test_what_will_not_compare_fairly_is_noticed(name: str, words: str) -> None:
    (line,) = trained(name).resolved["cautions"]
    assert line.startswith(words)


@pytest.mark.parametrize(("name", "settings"), [("full", {}), ("own_loss", {}), ("idle", {"find": True})])
def test_what_compares_fairly_gets_no_caution(name: str, settings: dict[str, Any]) -> None:
    assert "cautions" not in trained(name, settings=settings).resolved


def test_a_loss_that_is_no_number_is_dated() -> None:
    fit = network_fit([trained("diverging", epochs=3).to_dict()], spec("diverging", epochs=3))
    assert fit.resolved["not_finite_from_epoch"] == 2
    assert "not_finite_from_epoch" not in network_fit([trained("summed").to_dict()], spec("summed")).resolved


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("no_scalar", r"train.py:no_scalar: its loss has the shape \(16,\), not one number; take the mean"),
        ("no_tensor", "train.py:no_tensor: its loss is a float, not a tensor; give the mean loss of the batch"),
        ("detached", "train.py:detached: its loss does not depend on a weight that is trained"),
        ("loss_missing", "train.py:loss_missing: no loss was given, and the outputs of the model, a tuple, have none"),
        ("other_optimizer", "train.py:other_optimizer: optimizer has no parameter of model"),
        ("number", "train.py:number: data is a int; give a torch Dataset or a DataLoader"),
        ("empty", "train.py:empty: its data gave worker 0 no batch; give more rows, or fewer workers"),
        ("nothing", r"nothing\(\) gave nothing, not a manyhands.Training; return Training\(model, ...\)"),
        ("odd_scores", "train.py:odd_scores: evaluate gave '0.97'; return a mapping of names to numbers"),
        ("plateau", "train.py:plateau: ReduceLROnPlateau needs a score after each epoch; give a schedule that needs none"),
        ("half", "train.py:half: autocast='float16'; allowed: 'bfloat16'"),
        ("wrong_step", r"Training\(scheduler_step='batch'\): allowed: step, epoch"),
    ],
)
def test_a_mistake_is_one_line(name: str, error: str) -> None:
    with pytest.raises((UsageError, DataError), match=f"^{error}"):
        trained(name)
