"""Published and measured: ratios of one machine, qualities over seeds, and the reason where there is no value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record
from manyhands.analysis.launch_model import fit_group
from manyhands.analysis.side_by_side import FigureComparison, side_by_side
from manyhands.record import Record
from manyhands.studies.study import AS_PUBLISHED, CORRECTED, Study, read_study

STUDY = """
title = "T"
asks = "A?"
source = "S"
machine = "M"
repeats = 3
[[part]]
name = "base"
workload = "rnn"
backends = { serial = [1] }
[[part]]
name = "spread"
workload = "rnn"
backends = { ddp = [2, 4, 8] }
[[figure]]
name = "faster"
what = "Speed-up"
kind = "speed-up"
source = "its table"
or_fewer = true
of = { part = "spread", backend = "ddp" }
over = { part = "base", backend = "serial" }
rows = [{ label = "two", workers = 2, value = 1.5 }, { label = "eight", workers = 8, value = 4.0 }]
[figure.as-published]
time = ["train", "evaluate"]
plus_s = 1.0
[[figure]]
name = "eight-over-two"
what = "Speed-up"
kind = "speed-up"
source = "its table"
or_fewer = true
of = { part = "spread", backend = "ddp", workers = 8 }
over = { part = "spread", backend = "ddp", workers = 2 }
rows = [{ label = "eight over two", words = "none" }]
[[figure]]
name = "accuracy"
what = "Accuracy"
kind = "quality"
metric = "accuracy"
source = "its table"
of = { part = "spread", backend = "ddp" }
rows = [{ label = "two", workers = 2, value = 0.9 }]
"""


@pytest.fixture(scope="module")
def study() -> Study:
    return read_study("own", STUDY)


def record(
    part: str, backend: str, workers: int, train_s: float, repeat: int, variants: tuple[str, ...], **changes: Any
) -> Record:
    uses = [{"variant": variant, "part": part, "epochs": [1, 2], "samples": [4096, 8192]} for variant in variants]
    about = {"name": "own", "uses": uses, "seeds": "one a repeat", "budget_s": 60.0, "repeats": [2, 3]}
    asked = {"workload": "rnn", "backend": backend, "workers": workers, "repeat": repeat, "seed": repeat}
    asked |= {"batch": "per-worker"} if variants == (AS_PUBLISHED,) else {}
    name = f"{part}-{backend}-{workers}-{repeat}-{'-'.join(variants)}"
    quality = {"accuracy": 0.9 + 0.01 * repeat - (0.1 if variants == (AS_PUBLISHED,) else 0)}
    return example_record(train_s, asked, **{"id": name, "study": about, "quality": quality} | changes)


def records() -> list[Record]:
    both = (AS_PUBLISHED, CORRECTED)
    found = []
    for repeat in range(2):
        found.append(record("base", "serial", 1, 9.0, repeat, both))
        found.append(record("spread", "ddp", 2, 4.5 + repeat / 10, repeat, (CORRECTED,)))
        found.append(record("spread", "ddp", 2, 3.0 + repeat / 10, repeat, (AS_PUBLISHED,)))
    reason = "8 workers are more than the 4 usable cores; add --oversubscribe to time them anyway"
    found.append(record("spread", "ddp", 8, 1.0, 0, both, status="skipped", reason=reason))
    return found


def lines(study: Study, given: list[Record]) -> dict[str, FigureComparison]:
    return {comparison.figure.name: comparison for comparison in side_by_side(study, given)}


def test_speed_ups_are_ratios_of_the_times_that_the_variant_counts(study: Study) -> None:
    two = lines(study, records())["faster"].lines[0]
    assert two.by_variant[CORRECTED].value == pytest.approx(9 / 4.55, rel=0.01)
    assert two.by_variant[AS_PUBLISHED].value == pytest.approx((9 + 0.2 + 1) / (3.05 + 0.2 + 1), rel=0.01)
    assert two.change is not None
    assert two.change.value == pytest.approx((9 / 4.55) / (10.2 / 4.25), rel=0.01)


def several_cells() -> list[Record]:
    """Three launches of four cells whose times scatter by some per cent."""
    seconds = {1: (9.0, 9.2, 8.9), 2: (4.5, 4.9, 4.4), 4: (2.6, 2.5, 2.8), 8: (1.6, 1.55, 1.5)}
    return [
        record("base" if workers == 1 else "spread", "serial" if workers == 1 else "ddp", workers, taken, repeat, (CORRECTED,))
        for workers, times in seconds.items()
        for repeat, taken in enumerate(times)
    ]


def test_speed_ups_have_the_intervals_of_the_launch_model_of_all_cells_of_the_figure(study: Study) -> None:
    given = [one for one in several_cells() if one.spec["workers"] != 4]  # no row is about four workers
    (group,) = group_records(given)
    fit = fit_group(group)
    assert fit
    rows = lines(study, given)["faster"].lines
    for line, cell in zip(rows, [cell for cell in fit.cells if cell is not fit.base], strict=True):
        found, expected = line.by_variant[CORRECTED], fit.speedup(cell)
        assert expected
        assert (found.value, found.low, found.high) == pytest.approx((expected.value, expected.low, expected.high))
        assert found.error == pytest.approx(fit.error(cell))


def test_a_cell_of_another_machine_tells_nothing_about_the_spread(study: Study) -> None:
    alone = [one for one in several_cells() if one.spec["workers"] <= 2]
    away = [replace(one, machine={"cpu_model": "another"}) for one in several_cells() if one.spec["workers"] == 8]
    two, eight = (line.by_variant[CORRECTED] for line in lines(study, [*alone, *away])["faster"].lines)
    assert two.low == lines(study, alone)["faster"].lines[0].by_variant[CORRECTED].low
    assert eight.note.startswith("not compared: ")
    assert "machine cpu model" in eight.note


def test_the_largest_measured_count_stands_in_and_says_so(study: Study) -> None:
    eight = lines(study, records())["faster"].lines[1].by_variant[CORRECTED]
    assert eight.value == pytest.approx(9 / 4.55, rel=0.01)
    assert eight.note == "with 2, not 8 workers"


def test_a_cell_is_not_compared_with_itself(study: Study) -> None:
    found = lines(study, records())["eight-over-two"].lines[0].by_variant[CORRECTED]
    assert found.value is None
    assert found.note == "left out: 8 workers are more than the 4 usable cores"


def test_quality_has_a_spread_over_seeds_and_a_change(study: Study) -> None:
    line = lines(study, records())["accuracy"].lines[0]
    assert line.by_variant[CORRECTED].value == pytest.approx(0.905)
    assert line.by_variant[CORRECTED].sd == pytest.approx(0.00707, rel=0.01)
    assert line.change is not None
    assert line.change.value == pytest.approx(0.1)
    assert line.change.low is not None
    assert line.change.low < 0.1 < (line.change.high or 0)


def test_one_variant_alone_has_no_change(study: Study) -> None:
    own = [r for r in records() if any(use["variant"] == CORRECTED for use in r.study["uses"])]
    only = [replace(r, study={**r.study, "uses": [use for use in r.study["uses"] if use["variant"] == CORRECTED]}) for r in own]
    line = lines(study, only)["faster"].lines[0]
    assert list(line.by_variant) == [CORRECTED]
    assert line.change is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"machine": {"cpu_model": "another"}}, "machine cpu model"),
        ({"code": {"commit": "fedcba987654"}}, "code"),
    ],
)
def test_records_of_two_settings_are_not_averaged(study: Study, change: dict[str, Any], message: str) -> None:
    mixed = [replace(r, **change) if r.spec["backend"] == "ddp" and r.spec["repeat"] == 1 else r for r in records()]
    found = lines(study, mixed)["faster"].lines[0].by_variant[CORRECTED]
    assert found.value is None
    assert found.note.startswith("not averaged: ")
    assert message in found.note
    apart = [replace(r, **change) if r.spec["backend"] == "ddp" else r for r in records()]
    found = lines(study, apart)["faster"].lines[0].by_variant[CORRECTED]
    assert found.value is None
    assert found.note.startswith("not compared: ")
