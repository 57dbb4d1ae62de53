"""Predictions against truth: records made from known costs and a known link."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from manyhands.analysis.allreduce import buckets, exposed_s, ring_s
from manyhands.analysis.example import example_exchange, example_record
from manyhands.analysis.exchange import Link
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.network import parse_network
from manyhands.analysis.predict import BACKWARD, Prediction, predict
from manyhands.analysis.predictable import Network, families, network_of
from manyhands.analysis.spread import Estimate
from manyhands.record import Record

STEP_S, ROW_S, ALPHA, BETA = 2e-3, 1e-4, 50e-6, 1e-9
ROWS, BATCH, GRADIENTS = 4096, 256, 40_000_000
NETWORK = Network(Link(Estimate(ALPHA, None, None), Estimate(BETA, None, None)), "known")


def late(workers: int, rows_of_step: float) -> float:
    """Exposed exchange of a step by a ring."""
    backward = BACKWARD * (STEP_S + ROW_S * rows_of_step)
    return float(exposed_s(backward, buckets(GRADIENTS), lambda size: ring_s(workers, size, ALPHA, BETA)))


def truth(workers: int) -> float:
    """Seconds of an epoch with a global batch."""
    steps, batch = ROWS // BATCH, BATCH // workers
    return steps * (STEP_S + ROW_S * batch + (late(workers, batch) if workers > 1 else 0.0))


def run(workers: int, repeat: int = 0, noise: float = 1.0, backend: str = "ddp", **changes: Any) -> Record:
    steps, batch = ROWS // BATCH, BATCH // workers
    busy = steps * (STEP_S + ROW_S * batch) * noise
    resolved = {"rows_per_epoch": ROWS, "steps_per_epoch": steps, "parameter_bytes": GRADIENTS} | changes.pop("resolved", {})
    asked = {"backend": backend, "workers": workers, "batch_size": BATCH, "repeat": repeat} | changes.pop("asked", {})
    split = {"compute_s": busy, "communicate_s": truth(workers) - busy, "input_s": 0.0}
    return example_record(truth(workers) * noise, asked, resolved=resolved, train_split=changes.pop("split", split), **changes)


def predicted(records: Sequence[Record], workers: Sequence[int], network: Network = NETWORK) -> Prediction:
    (family,) = families(records)
    found = predict(family, network, workers)
    assert isinstance(found, Prediction)
    return found


def test_known_costs_and_link_give_the_known_time() -> None:
    found = predicted([run(1), run(2)], [1, 2, 8, 256])
    times = {(row.workers, row.algorithm): row.train.value for row in found.forecasts}
    for workers in (1, 2, 8, 256):
        assert times[workers, "ring"] == pytest.approx(truth(workers), rel=1e-6)
    assert times[256, "tree"] < times[256, "ring"]


def test_one_worker_has_no_exchange_and_a_speedup_of_one() -> None:
    for row in predicted([run(1), run(2)], [1]).forecasts:
        assert (row.exposed, row.speedup) == (0.0, pytest.approx(1.0))


def test_speedup_is_never_above_the_worker_count_and_exposed_time_grows() -> None:
    rows = [row for row in predicted([run(1), run(2)], [2, 4, 8, 16, 32, 64]).forecasts if row.algorithm == "ring"]
    assert all(row.speedup < row.workers for row in rows)
    exposed = [row.exposed for row in rows]
    assert exposed == sorted(exposed)


def test_a_faster_network_is_never_slower() -> None:
    slow, fast = (
        predicted([run(1), run(2)], [4, 64], Network(parse_network(text), "given")) for text in ("1Gbps,50us", "25Gbps,20us")
    )
    for one, other in zip(slow.forecasts, fast.forecasts, strict=True):
        assert other.train.value < one.train.value


def test_records_that_keep_to_the_model_validate_it() -> None:
    found = predicted([run(workers) for workers in (1, 2, 4, 8)], [16])
    assert found.checked_from == (1, 2)
    assert {check.workers for check in found.checks} == {4, 8}
    assert all(abs(check.error) < 1e-6 for check in found.checks if check.algorithm == "ring")


def test_one_worker_count_cannot_be_validated() -> None:
    assert predicted([run(1)], [2]).unchecked == "not possible: needs 2 worker counts, has 1"


def test_intervals_hold_the_truth_and_one_launch_has_none() -> None:
    held = 0
    for seed in range(60):
        chance = random.Random(seed)
        records = [run(w, repeat, chance.lognormvariate(0, 0.03)) for w in (1, 2) for repeat in range(4)]
        row = predicted(records, [8]).forecasts[0]
        assert row.train.low is not None
        assert row.train.high is not None
        held += row.train.low <= truth(8) <= row.train.high
    assert 52 <= held <= 60
    assert predicted([run(1)], [8]).forecasts[0].train.low is None


def test_a_batch_for_each_worker_takes_fewer_steps() -> None:
    per_worker = {"batch": "per-worker"}
    found = predicted([run(1, asked=per_worker)], [4])
    row = found.forecasts[0]
    assert (row.batch, row.steps) == (BATCH, 4)
    assert row.busy == pytest.approx(truth(1) / 4)


def test_work_that_grows_takes_as_many_steps() -> None:
    row = predicted([run(1, asked={"batch": "per-worker", "scaling": "growing"})], [8]).forecasts[0]
    assert row.steps == 16
    assert row.busy == pytest.approx(truth(1))
    assert 1 < row.speedup < 8


def test_a_batch_that_does_not_split_is_said_in_words() -> None:
    found = predicted([run(1)], [3, 1024])
    assert found.forecasts == ()
    assert found.impossible[3].startswith(
        "a global batch of 256 does not split evenly over 3 workers; measure with --batch-size 258"
    )


def test_more_threads_than_cores_calibrate_nothing() -> None:
    crowded = run(2, noise=9.0, resolved={"oversubscribed": True})
    found = predicted([run(1), crowded], [2])
    assert found.calibration.workers == (1,)
    assert [check.oversubscribed for check in found.checks] == [True, True]


def test_compute_that_was_not_measured_is_said_in_words() -> None:
    unknown = {"compute_s": None, "communicate_s": None, "input_s": 0.0}
    (family,) = families([run(2, split=unknown)])
    assert isinstance(predict(family, NETWORK, [4]), NotIdentifiable)
    assert predicted([run(1, split=unknown)], [1]).forecasts[0].train.value == pytest.approx(truth(1))


def test_serial_is_predicted_from_only_where_nothing_else_was_measured() -> None:
    assert [family.backend for family in families([run(1, backend="serial")])] == ["serial"]
    assert [family.backend for family in families([run(1, backend="serial"), run(2)])] == ["ddp"]
    assert families([example_exchange("ddp", 2, {1: [1e-4]})]) == []


def test_other_strategies_leave_the_cell_of_one_worker_in_the_family() -> None:
    (family,) = families([run(1), run(2), run(2, asked={"sync": "local=8"})])
    assert [cell.workers for cell in family.cells] == [1, 2]


def test_the_link_is_that_of_the_own_backend_on_the_same_machine() -> None:
    def measured(backend: str, alpha: float, **changes: Any) -> Record:
        return example_exchange(backend, 2, {10**power: [ring_s(2, 4 * 10**power, alpha, BETA)] for power in range(8)})

    (family,) = families([run(1), run(2)])
    both = network_of(family, [measured("dask", 1e-3), measured("ddp", 1e-4)])
    assert both is not None
    assert both.link.alpha.value == pytest.approx(1e-4, rel=1e-3)
    other = network_of(family, [measured("dask", 1e-3)])
    assert other is not None
    assert "collective on dask with 2 workers" in other.source
    assert network_of(family, [run(1)]) is None
