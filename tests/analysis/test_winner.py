from dataclasses import replace

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import SPEEDS, example_record, example_records
from manyhands.analysis.summary import summarise
from manyhands.analysis.winner import winner


def winner_of(records):
    return winner(summarise(group_records(records)[0]))


def test_names_the_cell_that_is_clearly_fastest() -> None:
    found = winner_of(example_records(noise=0.005))
    assert (found.best.cell.backend, found.best.cell.threads, found.rivals, found.is_sure) == ("serial", 4, (), True)


def test_cells_whose_intervals_overlap_are_not_distinguishable() -> None:
    found = winner_of(example_records(noise=0.1, seed=1, speeds=SPEEDS | {("ray", 2, 1): 2.1}))
    assert {row.cell.backend for row in (found.best, *found.rivals)} >= {"serial", "ray"}
    assert not found.is_sure


def test_the_base_line_can_win() -> None:
    found = winner_of(example_records(noise=0.005, speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 0.5}))
    assert found.best.is_base
    assert found.is_sure


def test_one_launch_is_never_sure() -> None:
    assert not winner_of(example_records(repeats=1)).is_sure


def test_no_base_line_or_no_second_cell_gives_no_winner() -> None:
    assert winner_of([example_record(1.0, {})]) is None
    assert winner_of([example_record(1.0, {"backend": "ddp", "workers": workers}) for workers in (1, 2)]) is None


@pytest.mark.parametrize(
    "nothing_learnt",
    [
        {"quality": {"accuracy": None}},
        {"quality": {"accuracy": float("nan")}},
        {"history": ({"epoch": 1, "loss": None, "elapsed_s": 1.0},)},
    ],
)
def test_a_run_that_learnt_nothing_never_wins(nothing_learnt) -> None:
    speeds = {("serial", 1, 1): 1.0, ("ddp", 2, 1): 3.0, ("ray", 2, 1): 2.0}
    records = [
        replace(record, **nothing_learnt) if record.spec["backend"] == "ddp" and record.spec["repeat"] == 1 else record
        for record in example_records(noise=0.001, speeds=speeds)
    ]
    found = winner_of(records)
    assert found.best.cell.backend == "ray"
    assert found.is_sure
