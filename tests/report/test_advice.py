from __future__ import annotations

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.summary import summarise
from manyhands.report.advice import NONE, OPEN, SURE, UNSURE, advice


def of(records, time="train"):
    (group,) = group_records(records)
    return advice(summarise(group), time)


def test_a_clear_winner_is_named_with_its_speed_price_and_quality() -> None:
    found = of(example_records(speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 1.8}))
    assert (found.use, found.sureness) == ("Use ddp, 2 workers x 1 thread", SURE)
    text = " ".join(found.why)
    assert "times as fast as serial, 1 worker x 1 thread" in text
    assert "every other cell is slower, at an error rate of 5 % for all of them (3 launches)" in text
    assert "times the core-hours of the base line" in text
    assert "accuracy 0.9700, base line 0.9700, no difference beyond the spread of launches" in text


def test_among_cells_that_cannot_be_told_apart_the_one_with_the_fewest_cores_is_named() -> None:
    found = of(example_records(speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 1.8, ("ray", 4, 1): 1.81}, seed=1))
    assert (found.use, found.sureness) == ("Use ddp, 2 workers x 1 thread", OPEN)
    assert any("not distinguishable from ray, 4 workers x 1 thread" in line for line in found.why)


def test_one_launch_is_not_sure() -> None:
    found = of(example_records(repeats=1))
    assert found.sureness == UNSURE
    assert any("--repeats 3" in line for line in found.why)


def test_the_base_line_is_kept_when_nothing_is_faster() -> None:
    found = of(example_records(speeds={("serial", 1, 1): 1.0, ("ddp", 2, 1): 0.6}))
    assert found.use == "Use serial, 1 worker x 1 thread"
    assert found.why[0].startswith("It is the base line")


def test_a_worse_model_is_said() -> None:
    records = [
        example_record(5.0 / n + r / 50, {"backend": b, "workers": n, "repeat": r}, quality={"accuracy": 0.9 - n / 10 + r / 1000})
        for b, n in (("serial", 1), ("ddp", 2))
        for r in range(3)
    ]
    assert "a difference beyond the spread of launches" in of(records).why[-1]


def test_nothing_to_compare_is_said() -> None:
    assert of([example_record(1.0, {})]).sureness == NONE
    assert of([example_record(1.0, {"backend": "ddp"})]).use == "No base line"
    assert of([example_record(1.0, {}, status="failed", reason="broke")]).use == "Nothing was measured"
