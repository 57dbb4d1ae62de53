"""Every strategy on two workers, all in one process group that is started once: losses, bytes, the split of train, refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from manyhands.backends.ranks.rank import Rank
from manyhands.backends.sync.by_name import strategy, strategy_classes
from manyhands.plan import RunSpec
from manyhands.record import EVERY_STEP
from manyhands.workloads.by_name import workload_class

pytestmark = pytest.mark.slow
SPEC = RunSpec(workload="rnn", backend="ddp", workers=2, samples=512, epochs=2, timeout_s=60.0)
"""Eight steps an epoch."""
VALUES = {"bucket": "0.05", "powersgd": "2", "accumulate": "4", "local": "3", "post-local": "3", "diloco": "3"}
"""Strategy -> the value that it is tested with; 3 does not divide the steps of an epoch."""
ALL = [f"{name}={VALUES[name]}" if name in VALUES else name for name in strategy_classes()]
OWN = f"{Path(__file__).parent / 'own_strategy.py'}:Quarter"
FULL = replace(
    SPEC, workload=f"{Path(__file__).parents[1] / 'functions' / 'own_training' / 'train.py'}:full", batch_size=None, samples=None
)
"""A user's function with accumulation, clipping, a schedule for each step, and a frozen weight."""
OWN_FUNCTIONS = {
    "halves": RunSpec(
        workload=f"{Path(__file__).parent / 'own_halves.py'}:build", backend="ddp", workers=2, timeout_s=60.0, sync="local=2"
    ),
    "stream": RunSpec(
        workload=f"{Path(__file__).parents[1] / 'functions' / 'own_training' / 'train.py'}:as_it_comes",
        backend="ddp",
        workers=2,
        steps=20,
        score_epochs=True,
        settings={"more": 60},
        timeout_s=60.0,
        sync="limit",
    ),
    "faulty": replace(SPEC, workload=f"{Path(__file__).parents[1] / 'uneven_nets.py'}:Faulty", sync="shared-memory"),
}
EXACT = [text for text in ALL if strategy(text).exact and text != EVERY_STEP]
REFUSED = {
    "local=9": ("UsageError", "--sync local=9: an epoch of rnn has 8 steps on each worker; use local=8 at most, or more rows"),
    "diloco=9": ("UsageError", "--sync diloco=9: an epoch of rnn has 8 steps on each worker; use diloco=8 at most, or more rows"),
    "accumulate=9": ("UsageError", "--sync accumulate=9: an epoch of rnn has 8 batches on each worker; use accumulate=8 at most"),
    "powersgd=99": ("UsageError", "--sync powersgd=99: no matrix of rnn gets smaller by rank 99; use powersgd=25 at most"),
}


OF_FUNCTION = [EVERY_STEP, *EXACT, "local=2", "accumulate=2"]
"""The strategies that train it; `static-graph` refuses its accumulation."""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory, _cache_of_the_session: None) -> Mapping[str, list[dict[str, Any]]]:
    """Strategy -> the reports of both ranks."""
    folder, texts = tmp_path_factory.mktemp("ranks"), [*ALL, *REFUSED, OWN]
    specs = [replace(SPEC, sync=text) for text in texts]
    small = replace(SPEC, sync="accumulate=2", batch_size=SPEC.batch_size // 2)  # its steps have the rows of every-step's
    own = [*(replace(FULL, sync=text) for text in OF_FUNCTION), *OWN_FUNCTIONS.values()]
    (folder / "specs.json").write_text(json.dumps([spec.to_dict() for spec in [*specs, small, *own]]))
    script, environment = Path(__file__).with_name("two_ranks.py"), os.environ | {"GLOO_SOCKET_IFNAME": "lo"}
    ranks = [
        subprocess.Popen(
            [sys.executable, str(script), str(folder), str(rank)], env=environment, text=True, stderr=subprocess.PIPE
        )
        for rank in (0, 1)
    ]
    errors = [rank.communicate(timeout=300)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(errors)
    return {
        text: [json.loads((folder / f"{number}-{rank}.json").read_text()) for rank in (0, 1)]
        for number, text in enumerate([*texts, "half batches", *(f"function {text}" for text in OF_FUNCTION), *OWN_FUNCTIONS])
    }


@pytest.fixture(autouse=True)
def variables_as_before() -> Iterator[None]:
    """Making an optimizer sets variables of its own in this process."""
    environ = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environ)


def losses(found: list[dict[str, Any]]) -> list[float]:
    """The mean loss of every epoch over the rows of both ranks."""
    assert "error" not in found[0], found[0]
    return [
        sum(epoch["loss_sum"] for epoch in epochs) / sum(epoch["rows"] for epoch in epochs)
        for epochs in zip(*(report["history"] for report in found), strict=True)
    ]


def simulated(every: int, averages: Any, grows: int = 0) -> list[float]:
    """The losses of two workers that are simulated here: they average gradients for `grows` steps, and then train alone.

    `averages(models)` is called after every so many steps alone, and at the end of an epoch with such steps.
    """
    from manyhands.backends.ranks.network import NetworkWork

    works = [NetworkWork(Rank("cpu", rank, 2), workload_class("rnn").from_settings({}), SPEC, None) for rank in (0, 1)]  # type: ignore[arg-type]
    step = alone = 0
    found = []
    for epoch in range(1, SPEC.epochs + 1):
        total = rows = 0.0
        for work in works:
            work.begin(epoch)
        for items in zip(*(work.loader for work in works), strict=True):
            for work, item in zip(works, items, strict=True):
                batch, weight, count = work.take(item)
                loss = work.loss(work.bare, batch)
                total, rows = total + loss.item() * count, rows + count
                work.optimizer.zero_grad()
                (loss * weight).backward()
            if step < grows:
                for one, other in zip(works[0].bare.parameters(), works[1].bare.parameters(), strict=True):
                    one.grad = other.grad = (one.grad + other.grad) / 2
            for work in works:
                work.optimizer.step()
            step += 1
            alone += step > grows
            if alone == every:
                averages([work.bare for work in works])
                alone = 0
        if alone:
            averages([work.bare for work in works])
            alone = 0
        found.append(total / rows)
    return found


def mean_of(models: Any) -> None:
    """Gives both models the mean of their weights."""
    for weights in zip(*(model.parameters() for model in models), strict=True):
        mean = sum(weight.data for weight in weights) / len(weights)
        for weight in weights:
            weight.data.copy_(mean)


@pytest.mark.parametrize("text", EXACT)
def test_exact_strategies_follow_the_losses_of_every_step(text: str, reports: Any) -> None:
    assert losses(reports[text]) == pytest.approx(losses(reports[EVERY_STEP]), abs=1e-4)


@pytest.mark.parametrize("text", [text for text in OF_FUNCTION if text != "static-graph"])
def test_a_users_function_with_a_schedule_and_clipping_is_trained_by_every_strategy(text: str, reports: Any) -> None:
    own, every_step = (losses(reports[f"function {one}"]) for one in (text, EVERY_STEP))
    assert own == pytest.approx(every_step, abs=1e-4 if text in EXACT else 0.5)


def test_a_static_graph_refuses_accumulation(reports: Any) -> None:
    message = "--sync static-graph: train.py:full adds up the gradients of 2 batches, which PyTorch does not offer with it; use every-step"
    assert [report["reason"] for report in reports["function static-graph"]] == [message] * 2


def test_local_averages_weights_after_so_many_steps_and_at_the_end_of_an_epoch(reports: Any) -> None:
    assert losses(reports["local=3"]) == pytest.approx(simulated(3, mean_of), abs=1e-5)
    assert losses(reports["local=3"])[1] != pytest.approx(losses(reports[EVERY_STEP])[1], abs=1e-5)


def test_local_averages_weights_that_only_one_worker_uses(reports: Any) -> None:
    weights = reports["halves"][0]["quality"].values()
    assert len(weights) == 2
    assert all(weight > 0 for weight in weights)


def test_a_limit_of_a_stream_has_as_many_epochs_on_every_worker(reports: Any) -> None:
    """The second worker has five batches an epoch, the first four, and they meet after each."""
    assert [[epoch["epoch"] for epoch in report["history"]] for report in reports["stream"]] == [[1, 2, 3, 4, 5]] * 2


def test_post_local_averages_gradients_for_half_of_all_steps(reports: Any) -> None:
    assert losses(reports["post-local=3"]) == pytest.approx(simulated(3, mean_of, grows=8), abs=1e-5)
    assert losses(reports["post-local=3"])[0] == pytest.approx(losses(reports[EVERY_STEP])[0], abs=1e-5)


def test_diloco_takes_outer_steps_with_nesterov_momentum(reports: Any) -> None:
    kept: dict[str, Any] = {}

    def outer(models: Any) -> None:
        import torch

        weights = [list(model.parameters()) for model in models]
        if not kept:
            torch.manual_seed(SPEC.seed)
            start = workload_class("rnn").from_settings({}).model()  # type: ignore[attr-defined]
            kept.update(start=[weight.data for weight in start.parameters()], momentum=[0.0] * len(weights[0]))
        for place, (one, other) in enumerate(zip(*weights, strict=True)):
            gradient = kept["start"][place] - (one.data + other.data) / 2
            kept["momentum"][place] = 0.9 * kept["momentum"][place] + gradient
            kept["start"][place] = kept["start"][place] - 0.7 * (gradient + 0.9 * kept["momentum"][place])
            for weight in (one, other):
                weight.data.copy_(kept["start"][place])

    assert losses(reports["diloco=3"]) == pytest.approx(simulated(3, outer), abs=1e-5)


def test_accumulated_batches_make_the_step_of_one_large_batch(reports: Any) -> None:
    assert losses(reports["half batches"]) == pytest.approx(losses(reports[EVERY_STEP]), abs=1e-4)
    assert reports["half batches"][0]["resolved"]["steps_per_epoch"] == 8
    assert reports["accumulate=4"][0]["resolved"]["steps_per_epoch"] == 2


@pytest.mark.parametrize("text", ["fp16", "bf16", "powersgd=2", OWN])
def test_lossy_strategies_learn_nearly_as_much(text: str, reports: Any) -> None:
    own, exact = losses(reports[text]), losses(reports[EVERY_STEP])
    assert own[1] < own[0]
    assert own != pytest.approx(exact, abs=1e-9)
    assert own == pytest.approx(exact, abs=0.1)


def test_bytes_sent_in_a_step(reports: Any) -> None:
    sent = {
        text: found[0]["resolved"]["sync"]["bytes_sent_per_step"] for text, found in reports.items() if "error" not in found[0]
    }
    whole = sent[EVERY_STEP]
    assert whole == reports[EVERY_STEP][0]["resolved"]["parameter_bytes"]  # of two workers each sends all once
    assert {
        text: sent[text] / whole for text in ("no-overlap", "bucket=0.05", "static-graph", "shared-memory", "accumulate=4")
    } == dict.fromkeys(("no-overlap", "bucket=0.05", "static-graph", "shared-memory", "accumulate=4"), 1.0)
    assert (sent["fp16"], sent["bf16"], sent["zero1"], sent["limit"]) == (whole / 2, whole / 2, 1.5 * whole, 0.0)
    assert sent["local=3"] == sent["diloco=3"] == whole * 3 / 8  # after 3, 6 and 8 of the steps of an epoch
    assert sent["post-local=3"] == whole * (8 + 3) / 16
    assert sent["powersgd=2"] < 0.5 * whole


@pytest.mark.parametrize("text", ALL)
def test_the_parts_of_train_sum_to_it(text: str, reports: Any) -> None:
    for report in reports[text]:
        split = report["train_split"]
        assert sum(part for part in split.values() if part is not None) == pytest.approx(report["phases"]["train_s"], rel=1e-6)
        apart = text.partition("=")[0] in ("local", "post-local", "diloco", "fp16", "bf16", "powersgd", "shared-memory")
        assert (split["synchronise_s"] is not None) == apart
        assert split["compute_s"] > 0


def test_a_limit_exchanges_nothing_and_has_no_quality(reports: Any) -> None:
    report = reports["limit"][0]
    assert report["quality"] == {}
    assert reports[EVERY_STEP][0]["quality"]["accuracy"] > 0
    assert report["resolved"]["strategy"] == "no exchange"
    assert 0 < report["resolved"]["sync"]["alone_step_s"] < 1
    assert "alone_step_s" not in reports[EVERY_STEP][0]["resolved"]["sync"]
    assert losses(reports["limit"]) == pytest.approx(simulated(10**9, lambda models: None), abs=1e-5)


def test_the_record_names_the_strategy(reports: Any) -> None:
    assert reports[EVERY_STEP][0]["resolved"]["sync"]["exact"] is True
    assert reports["local=3"][0]["resolved"]["sync"] == {
        "strategy": "local=3",
        "exact": False,
        "bytes_sent_per_step": pytest.approx(0.375 * reports["local=3"][0]["resolved"]["parameter_bytes"]),
    }
    assert reports["local=3"][0]["resolved"]["strategy"] == "PeriodicModelAverager"
    assert reports["zero1"][0]["resolved"]["optimizer"] == "ZeroRedundancyOptimizer"


@pytest.mark.parametrize("text", REFUSED)
def test_what_cannot_be_trained_is_refused_in_a_line_by_all_workers(text: str, reports: Any) -> None:
    kind, begin = REFUSED[text]
    for report in reports[text]:
        assert report["error"] == kind
        assert report["reason"].startswith(begin)
        assert "\n" not in report["reason"]


def test_shared_memory_leaves_nothing_in_a_folder(reports: Any) -> None:
    assert losses(reports["shared-memory"])
    assert [name for name in os.listdir("/dev/shm") if "manyhands" in name] == []


def test_shared_memory_waits_no_longer_for_a_worker_that_failed(reports: Any) -> None:
    """The process of a worker of Dask, like those of this test, lives on after a failed run."""
    assert [report["error"] for report in reports["faulty"]] == ["EngineError", "ValueError"]
    assert reports["faulty"][0]["reason"] == "worker 1 has stopped before the others"
