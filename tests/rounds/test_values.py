"""The benchmarks of a cell: what slows the yardstick as much is no slow-down, and rounds of other work are another series."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.rounds.values import LAUNCHES, YARDSTICK_S, benchmarks_of, over_yardstick, work_of

ROOT = Path(__file__).parents[2]
SPEC = RunSpec(workload="cnn", backend="serial", samples=512, epochs=2)


def launch(epoch_s: float, yardstick_s: float | None, wall_s: float, **changes: Any) -> Record:
    """The record of a launch of two epochs."""
    values: dict[str, Any] = {
        "id": "a",
        "spec": SPEC.to_dict(),
        "status": "ok",
        "started_at": "2026-11-27T00:00:00+00:00",
        "wall_s": wall_s,
        "phases": {"train_s": 2 * epoch_s},
        "history": [{"elapsed_s": epoch_s}, {"elapsed_s": 2 * epoch_s}],
        "resolved": {"yardstick": "network 1"},
        "versions": {"torch": "2.13.0", "numpy": "2.4"},
        "data": {"sha256": "0123456789abcdef"},
        "per_worker": [{"rank": 0} | ({"yardstick": {"network": [yardstick_s] * 3}} if yardstick_s else {})],
    }
    return Record(**(values | changes))


def test_launch_on_a_machine_that_is_slow_just_then_has_the_same_rounds() -> None:
    epoch, whole = benchmarks_of(SPEC, [launch(0.1, 0.005, 3.0), launch(0.15, 0.0075, 4.5)])
    assert (epoch.value, whole.value) == ("epoch", "launch")
    assert epoch.rounds == pytest.approx([YARDSTICK_S * 20] * 2)
    assert epoch.group == "cnn: one epoch, by the yardstick"
    assert max(whole.rounds) / min(whole.rounds) == pytest.approx(1.5**0.5)


def test_slow_down_of_the_program_is_in_its_rounds() -> None:
    before, after = (benchmarks_of(SPEC, [launch(epoch_s, 0.005, 3.0)])[0].rounds for epoch_s in (0.1, 0.12))
    assert after[0] / before[0] == pytest.approx(1.2)


def test_whole_launches_are_as_long_as_they_were_when_the_yardstick_took_its_usual_time() -> None:
    assert over_yardstick([3.0, 3.3], [[YARDSTICK_S], [YARDSTICK_S]]) == pytest.approx([3.0, 3.3])


@pytest.mark.parametrize(
    "records",
    [
        [launch(0.1, None, 3.0), launch(0.2, None, 4.0)],
        [launch(0.1, 0.005, 3.0), launch(0.2, None, 4.0)],
        [launch(0.1, 0.005, 3.0), launch(0.2, 0.005, 4.0, resolved={"yardstick": "network 2"})],
    ],
)
def test_without_one_yardstick_in_all_launches_the_rounds_are_seconds(records: list[Record]) -> None:
    train, whole = benchmarks_of(SPEC, records)
    assert (train.value, train.group, train.rounds) == ("train", "cnn: train", [0.2, 0.4])
    assert (whole.value, whole.group, whole.rounds) == ("launch", "cnn: one launch", [3.0, 4.0])
    assert "yardstick" not in train.series


def test_series_names_the_work_the_data_and_the_yardstick() -> None:
    (epoch, _) = benchmarks_of(SPEC, [launch(0.1, 0.005, 3.0)])
    assert epoch.series == "epochs 2, samples 512, data 01234567, yardstick network 1 torch 2.13.0 numpy 2.4"
    own = RunSpec(workload="cnn", backend="ddp", workers=2, threads=2, settings={"dropout": 0.1}, timeout_s=5, data_dir="/data")
    assert work_of(own, launch(0.1, None, 3.0)) == "threads 2, epochs 1, samples None, settings {'dropout': 0.1}, data 01234567"


def test_threshold_is_right_as_often_as_the_page_says() -> None:
    """At most 2 of 100 pairs of unchanged runs fail, and a cell slowed by 20 % is found in 95, by the stored launches."""
    command = [sys.executable, "-m", "benchmarks.gate.rates", "docs/results/scatter/launches.jsonl"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=100).stdout
    head, *_, row = [
        line for line in shown.partition("What a cell keeps")[2].splitlines() if line.startswith(("| column", "| min"))
    ]
    column = [words.strip() for words in head.split("|")].index(f"{LAUNCHES} launches")
    wrong, found = map(float, row.split("|")[column].split("/"))
    assert wrong <= 2
    assert found >= 95
    page = (ROOT / "docs" / "results" / "gate.md").read_text()
    assert [line for line in shown.splitlines() if line.startswith("|") and line not in page] == []


def test_a_script_without_marks_has_no_phase_to_time() -> None:
    marked, plain = ([launch(0.1, None, 3.0, resolved={"marks": marks})] for marks in (True, False))
    assert [one.value for one in benchmarks_of(SPEC, marked)] == ["train", "launch"]
    assert [one.value for one in benchmarks_of(SPEC, plain)] == ["launch"]
