from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.scaling import Time
from manyhands.record import Record
from manyhands.report.advice import NONE, OPEN, SURE, UNSURE, Advice
from manyhands.report.group_view import group_views

BASE = ("serial", 1, 1)


def of(records: Sequence[Record], time: Time = "train") -> Advice:
    (view,) = group_views(records, time)
    return view.advice


def slow_to_start(speed: float, launch_s: float, others_s: float = 0.0) -> list[Record]:
    """Three launches of serial and of ddp on two workers, which trains `speed` times as fast and takes `launch_s` to launch."""
    found = []
    for repeat in range(3):
        for backend, workers, train_s, launched in (("serial", 1, 4.0, 1.0), ("ddp", 2, 4.0 / speed, launch_s)):
            asked = {"backend": backend, "workers": workers, "repeat": repeat}
            taken = train_s * (1 + repeat / 100)
            phases = {"launch_s": launched, "train_s": taken, "evaluate_s": others_s}
            found.append(example_record(taken, asked, phases=phases, wall_s=sum(phases.values())))
    return found


def test_a_clear_winner_is_named_with_its_speed_cost_and_quality() -> None:
    found = of(example_records(speeds={BASE: 1.0, ("ddp", 2, 1): 1.8}))
    assert (found.use, found.sureness) == ("Use ddp, 2 workers x 1 thread", SURE)
    speed, sure = found.why
    assert speed.startswith("Train is 1.8")
    assert "x as fast [1." in speed
    assert ", the whole run 1." in speed
    assert sure == "Sure: all other cells are slower. The model is as good: accuracy 0.9700."
    assert "times the core-hours of the base line" in found.cost


def test_among_cells_that_may_be_the_fastest_the_one_with_the_fewest_cores_is_named() -> None:
    found = of(example_records(speeds={BASE: 1.0, ("ddp", 2, 1): 1.8, ("ray", 4, 1): 1.81}, seed=1))
    assert (found.use, found.sureness) == ("Use ddp, 2 workers x 1 thread", OPEN)
    assert "No clear winner: ray x 4 may be as fast; ddp x 2 has the fewest cores." in found.why[1]


def test_many_rivals_are_counted() -> None:
    speeds = {BASE: 1.0} | {(f"b{place}", 2, 1): 1.8 for place in range(8)}
    assert " and 5 more may be as fast" in of(example_records(speeds=speeds, noise=0.2)).why[1]


def test_one_launch_is_not_sure() -> None:
    found = of(example_records(repeats=1))
    assert found.sureness == UNSURE
    assert any("--repeats 3" in line for line in found.why)
    assert "[" not in found.why[0] + found.cost, "no interval, and no empty one"


def test_the_base_line_is_kept_when_nothing_is_faster() -> None:
    found = of(example_records(speeds={BASE: 1.0, ("ddp", 2, 1): 0.6}))
    assert found.use == "Use serial, 1 worker x 1 thread"
    assert found.why[0].startswith("It is the base line")


@pytest.mark.parametrize(
    ("slope", "said"),
    [
        (-0.1, "is worse with this seed: accuracy 0.7"),
        (0.04, "is better with this seed: accuracy 0.98"),
    ],
)
def test_a_model_of_another_quality_is_named_with_both_values(slope: float, said: str) -> None:
    records = [
        example_record(
            5.0 / n + r / 50, {"backend": b, "workers": n, "repeat": r}, quality={"accuracy": 0.9 + n * slope + r / 1000}
        )
        for b, n in (("serial", 1), ("ddp", 2))
        for r in range(3)
    ]
    assert f"The model {said}" in of(records).why[1]
    assert ", base line 0." in of(records).why[1]


def test_a_difference_that_the_held_out_rows_cannot_tell_is_as_good_and_says_from_where_on_they_can() -> None:
    quality = {"serial": 0.8623, "ddp": 0.8618}
    records = [
        example_record(5.0 / n + r / 50, {"backend": b, "workers": n, "repeat": r}, quality={"accuracy": quality[b]})
        for b, n in (("serial", 1), ("ddp", 2))
        for r in range(3)
    ]
    assert (
        "The model is as good: accuracy 0.8618, base line 0.8623 (2048 held-out rows tell a difference from 0.021 on)."
        in of(records).why[1]
    )


def test_a_lower_error_is_a_better_model() -> None:
    records = [
        example_record(5.0 / n + r / 50, {"backend": b, "workers": n, "repeat": r}, quality={"mape_percent": 3.0 / n + r / 1000})
        for b, n in (("serial", 1), ("ddp", 2))
        for r in range(3)
    ]
    assert "The model is better with this seed: MAPE % 1.50, base line 3.00." in of(records).why[1]


def test_a_whole_run_that_takes_longer_though_train_is_faster_is_named() -> None:
    chosen = of(slow_to_start(2.0, 6.0))
    assert chosen.use == "Use ddp, 2 workers x 1 thread"
    assert chosen.why[0].endswith(", the whole run takes 1.59 x as long.")
    assert chosen.why[2] == "Train is only 25 % of its whole run (2.02 of 8.02 s); launch is 75 %."
    other = [*slow_to_start(1.2, 6.0), *(example_record(1.0, {"threads": 4, "repeat": n}, wall_s=2.5) for n in range(3))]
    (line,) = [line for line in of(other).why if line.startswith("Faster in train")]
    assert line.startswith("Faster in train but slower as a whole run: ddp x 2 (1.20 x and 0.")


def test_train_that_is_most_of_the_run_needs_no_remark() -> None:
    assert not any("only" in line or "Faster in train" in line for line in of(slow_to_start(2.0, 0.9)).why)


def test_a_cell_that_is_slower_in_train_and_faster_as_a_whole_run_is_named() -> None:
    records: list[Any] = slow_to_start(0.9, 0.0)
    assert "Slower in train but faster as a whole run: ddp x 2" in " ".join(of(records).why)


def test_whole_runs_are_compared_first_when_asked() -> None:
    found = of(slow_to_start(2.0, 0.9), "wall")
    assert found.why[0].startswith("The whole run is 1.7")
    assert ", train 2.0" in found.why[0]


def test_nothing_to_compare_is_an_answer_too() -> None:
    assert of([example_record(1.0, {})]).sureness == NONE
    assert of([example_record(1.0, {"backend": "ddp"})]).use == "No base line"
    assert of([example_record(1.0, {}, status="failed", reason="broke")]).use == "Nothing was measured"
