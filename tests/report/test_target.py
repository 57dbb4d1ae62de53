"""With a target the cell that reaches it first wins, and one that misses it never does."""

from __future__ import annotations

from dataclasses import replace

from manyhands.analysis.example import example_strategies
from manyhands.analysis.targets import QualityTarget
from manyhands.open_cells import questions
from manyhands.planning.option_values import WINNER
from manyhands.report.group_view import group_views

SLOW = {"every-step": (0.90, 0.96), "local=8": (0.80, 0.94)}
"""`local=8` is faster and misses 0.95."""
LATE = {"every-step": (0.90, 0.96, 0.96, 0.97), "local=8": (0.80, 0.90, 0.94, 0.96)}
"""`local=8` reaches 0.95 two epochs later, which takes longer."""


def test_a_fast_cell_that_misses_the_target_never_wins() -> None:
    (view,) = group_views(example_strategies(history=SLOW, target="accuracy=0.95"))
    assert view.advice.use == "Use ddp (every-step), 2 workers x 1 thread"
    assert view.advice.why[0].startswith("It reaches accuracy 0.95 in 6.46 s of training, 1.25 [")
    assert {row.cell.variant: row.place for row in view.summaries} == {
        "": "slower",
        "every-step": "fastest",
        "local=8": "misses the target",
    }
    assert (
        "accuracy 0.95 missed, so never the winner: ddp (local=8), 2 workers x 1 thread (0 of 3 launches reach it)"
        in view.cautions
    )
    assert not [line for line in view.cautions if line.startswith("another optimisation")]


def test_one_launch_gives_a_ratio_without_bounds() -> None:
    (view,) = group_views(example_strategies(repeats=1, history=SLOW, target="accuracy=0.95"))
    assert view.advice.why[0] == "It reaches accuracy 0.95 in 6.40 s of training, 1.25 times sooner than the base line."


def test_without_the_target_the_fast_cell_wins() -> None:
    (view,) = group_views(example_strategies(history=SLOW))
    assert view.advice.use == "Use ddp (local=8), 2 workers x 1 thread"


def test_the_time_to_the_target_decides_and_not_that_of_all_epochs() -> None:
    (view,) = group_views(example_strategies(history=LATE), target=QualityTarget("accuracy", 0.95))
    assert view.advice.use == "Use ddp (every-step), 2 workers x 1 thread"
    assert {row.cell.variant: row.place for row in view.summaries}["local=8"] == "slower"


def test_one_launch_that_misses_is_enough() -> None:
    records = [
        replace(record, history=({"epoch": 1, "loss": 0.3, "elapsed_s": 5.6, "accuracy": 0.9},))
        if (record.spec["sync"], record.spec["repeat"]) == ("local=8", 1)
        else record
        for record in example_strategies(target="accuracy=0.95")
    ]
    (view,) = group_views(records)
    assert "ddp (local=8), 2 workers x 1 thread (2 of 3 launches reach it)" in " ".join(view.cautions)
    assert view.advice.use == "Use ddp (every-step), 2 workers x 1 thread"


def test_no_cell_or_only_one_may_reach_it() -> None:
    (view,) = group_views(example_strategies(target="accuracy=0.99"))
    assert view.advice.use == "No cell reaches accuracy 0.99"
    assert not [line for line in view.cautions if "missed" in line]
    assert "1 (base line)" not in [column.texts[0] for column in view.first_table.sections[1]]
    only = {"every-step": (0.9,), "local=8": (0.96,)}
    (view,) = group_views(example_strategies(history=only, target="accuracy=0.95"))
    assert view.advice.use == "Use ddp (local=8), 2 workers x 1 thread"
    assert view.advice.sureness == "sure"


def test_a_cell_whose_loss_ends_as_no_number_never_wins_even_if_it_alone_reached_the_target() -> None:
    records = [
        replace(record, history=(*record.history, {"epoch": 2, "loss": float("nan"), "elapsed_s": 9.0, "accuracy": 0.1}))
        if record.spec["sync"] == "local=8"
        else record
        for record in example_strategies(history={"every-step": (0.9,), "local=8": (0.96,)}, target="accuracy=0.95")
    ]
    (view,) = group_views(records)
    assert view.advice.use == "No cell reaches accuracy 0.95 and has a loss to the end"
    assert {row.cell.variant: row.place for row in view.summaries}["local=8"] is None


def test_runs_that_were_not_scored_say_so() -> None:
    records = [replace(record, history=()) for record in example_strategies(target="accuracy=0.95")]
    (view,) = group_views(records)
    assert view.advice.use == "No cell reaches accuracy 0.95"
    assert any(line.startswith("no times until accuracy 0.95: no launch scored it") for line in view.cautions)


def test_until_winner_asks_for_the_first_at_the_target() -> None:
    (asked,) = questions(example_strategies(history=SLOW, target="accuracy=0.95"), WINNER)
    assert asked.open == ()
    close = {"every-step": (0.96,), "local=8": (0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.96)}
    (asked,) = questions(example_strategies(repeats=1, history=close, target="accuracy=0.95"), WINNER)
    assert len(asked.open) == 3
    (none,) = questions(example_strategies(target="accuracy=0.99"), WINNER)
    assert none.open == ()
