"""A limit bounds the cells of several workers, and is itself no result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from manyhands.analysis.best_law import curves
from manyhands.analysis.cells import group_records
from manyhands.analysis.example import ALONE_S, example_record, example_strategies
from manyhands.analysis.history.series import Order, from_records
from manyhands.analysis.limit import reached
from manyhands.analysis.summary import summarise
from manyhands.analysis.winner import winner
from manyhands.record import Record


def without_alone(record: Record) -> Record:
    sync = {name: value for name, value in record.resolved.get("sync", {}).items() if name != "alone_step_s"}
    return replace(record, resolved={**record.resolved, "sync": sync})


def test_the_limit_is_no_cell_and_never_wins() -> None:
    (group,) = group_records(example_strategies())
    assert [(cell.backend, cell.variant) for cell in group.cells] == [("serial", ""), ("ddp", "every-step"), ("ddp", "local=8")]
    assert [cell.variant for cell in group.limits] == ["limit"]
    found = winner(summarise(group))
    assert found.best.cell.variant == "local=8"
    assert len(group.measured) == 9
    assert len(group.records) == 12


def test_a_cell_reaches_a_share_of_its_limit_and_the_loss_has_parts() -> None:
    (group,) = group_records(example_strategies())
    base, every, local = group.cells
    found = reached(group)
    assert id(base) not in found
    assert found[id(every)].share.value == pytest.approx(5.0 / 6.4)
    assert found[id(local)].share.value == pytest.approx(5.0 / 5.6)
    assert found[id(every)].share.low < 5.0 / 6.4 < found[id(every)].share.high
    lost = found[id(every)].lost
    mean = 1.01  # of the three repeats
    assert lost.ideal_s == pytest.approx(4.0 * mean)
    assert lost.exchange_s == pytest.approx(1.4 * mean)
    assert lost.small_batches_s == pytest.approx(64 * ALONE_S - 4.0 * mean)
    assert lost.machine_s == pytest.approx(5.0 * mean - 64 * ALONE_S)
    assert lost.all_s == pytest.approx(lost.exchange_s + lost.small_batches_s + lost.machine_s)


def test_without_a_step_alone_or_a_base_line_less_is_known() -> None:
    (group,) = group_records(map(without_alone, example_strategies()))
    lost = reached(group)[id(group.cells[1])].lost
    assert (lost.small_batches_s, lost.machine_s) == (None, None)
    assert lost.exchange_s == pytest.approx(1.4 * 1.01)
    (group,) = group_records([record for record in example_strategies() if record.spec["backend"] != "serial"])
    assert [one.lost for one in reached(group).values()] == [None, None]


def test_a_limit_of_another_worker_count_bounds_nothing() -> None:
    others = [record for record in example_strategies() if record.spec["sync"] != "limit"]
    wide = example_record(3.0, {"backend": "ddp", "workers": 4, "sync": "limit"}, resolved={"rows_per_epoch": 4096})
    (group,) = group_records([*others, wide])
    assert len(group.limits) == 1
    assert reached(group) == {}


def test_old_records_without_a_strategy_are_of_every_step() -> None:
    old = [
        example_record(8.0 / workers, {"backend": backend, "workers": workers})
        for backend, workers in (("serial", 1), ("ddp", 2))
    ]
    new = [example_record(4.0, {"backend": "ddp", "workers": 2, "sync": "every-step", "repeat": 1})]
    (group,) = group_records([*old, *new])
    assert [(cell.backend, cell.variant, len(cell.records)) for cell in group.cells] == [("serial", "", 1), ("ddp", "", 2)]


def test_a_scaling_law_is_of_one_strategy_and_a_history_has_no_limit() -> None:
    alone = [example_record(8.2, {"backend": "ddp", "sync": "every-step", "repeat": repeat}) for repeat in range(3)]
    records = [*alone, *example_strategies()]
    (group,) = group_records(records)
    found = {curve.name: (curve.workers, max(curve.throughput)) for curve in curves(group, "train")}
    workers = (1, 1, 1, 2, 2, 2)
    assert found == {"ddp": (workers, pytest.approx(4096 / 6.4)), "ddp (local=8)": (workers, pytest.approx(4096 / 5.6))}
    assert len(from_records(records, Order((), ()))) == 4, "serial, ddp on one worker and on two, local=8"
