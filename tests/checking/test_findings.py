"""Findings from records and facts, without any training."""

from __future__ import annotations

from typing import Any

import pytest

from manyhands.analysis.example import example_record
from manyhands.checking.facts import Facts
from manyhands.checking.findings import Finding, Level, Seen, failed, findings
from manyhands.machine import usable_cores

PROVED = {"door": "function", "proved": ["rows"], "not_proved": []}


def seen(loss: float = 2.0, of_two: float = 2.0, facts: Facts | None = None, **changes: Any) -> Seen:
    """Two steps of 8 rows on one worker and on two; `changes` of the second record."""

    def record(workers: int, value: float, **own: Any) -> Any:
        known = {"quality": {"accuracy": 0.9}, "resolved": {"proof": PROVED}, "init_sha256": "a"}
        rows = [{"rows_seen": 16 // workers} for _ in range(workers)]
        history = [{"epoch": 1, "loss": value, "elapsed_s": 1.0}]
        asked = {"backend": "ddp" if workers > 1 else "serial", "workers": workers}
        return example_record(1.0, asked, **{**known, "per_worker": rows, "history": history, **own})

    return Seen(facts or Facts(), record(1, loss), record(2, of_two, **changes))


def texts(found: list[Finding], level: Level) -> list[str]:
    return [one.text.partition(":")[0] for one in found if one.level == level]


def test_equal_training_has_no_finding() -> None:
    assert findings(seen()) == []
    assert findings(seen(of_two=2.0001)) == []


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ({"of_two": 2.1}, "losses"),
        ({"init_sha256": "b"}, "initial weights"),
        ({"per_worker": [{"rows_seen": 16}, {"rows_seen": 16}]}, "rows"),
        ({"resolved": {"proof": PROVED, "cautions": ["BatchNorm: statistics"]}}, "BatchNorm"),
    ],
)
def test_what_trains_differently_on_two_workers_is_unfair(what: dict[str, Any], line: str) -> None:
    assert texts(findings(seen(**what)), Level.UNFAIR) == [line]


def test_a_reason_that_is_known_explains_different_losses() -> None:
    for facts in (Facts(dropouts=2), Facts(random_rows=True)):
        found = findings(seen(of_two=2.5, facts=facts))
        assert [one.level for one in found] == [Level.NOTE]
    found = findings(seen(of_two=2.5, init_sha256="b"))
    assert texts(found, Level.UNFAIR) == ["initial weights"]


def test_bfloat16_rounds_more() -> None:
    rounded = seen(of_two=2.01)
    assert texts(findings(rounded), Level.UNFAIR) == ["losses"]
    one = example_record(1.0, {}, history=rounded.one.history, resolved={"autocast": "bfloat16"}, init_sha256="a")
    assert findings(Seen(Facts(), one, rounded.two)) == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_fails(value: float) -> None:
    assert texts(findings(seen(loss=value)), Level.FAILS) == ["loss"]


def test_notes_are_of_what_leaves_times_comparable() -> None:
    facts = Facts(dropouts=1, random_rows=True, scheduler_per_step=True)
    other = seen(facts=facts)
    resolved = {"proof": {**PROVED, "not_proved": ["rows"]}, "loader_workers": usable_cores()}
    one = example_record(1.0, {}, history=other.one.history, init_sha256="a", quality={}, resolved=resolved)
    found = findings(Seen(facts, one, other.two))
    assert texts(found, Level.NOTE) == ["data", "data", "Dropout", "scheduler", "num_workers", "quality"]
    assert Facts.from_dict(facts.to_dict()) == facts


def test_a_run_that_failed_is_named_with_its_reason() -> None:
    record = example_record(1.0, {"backend": "ddp", "workers": 2}, status="failed", reason="worker 1 failed: ValueError: no row")
    assert failed(record) == Finding(Level.FAILS, "ddp x 2: worker 1 failed: ValueError: no row")
