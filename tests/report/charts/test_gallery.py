from __future__ import annotations

import json
from typing import Any

import pytest

from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.summary import summarise
from manyhands.analysis.targets import QualityTarget
from manyhands.record import PHASES, Record
from manyhands.report.charts.gallery import charts
from manyhands.report.charts.look import DARK, LIGHT, resolved
from manyhands.report.charts.series import SHOWN, colours, shown
from manyhands.report.group_view import group_views


def of(records, target=None, time="train"):
    (view,) = group_views(records, time, target)
    return {chart.name: chart for chart in charts(view, colours([view.group]))}


def test_everything_that_was_measured_has_a_chart(full: list[Record]) -> None:
    names = {name.split()[0] for name in of(full)}
    assert names == {"forest", "speed-up", "efficiency", "phases", "cpu", "memory", "learning", "confusion", "roc", "clusters"}


def test_every_phase_that_a_record_can_have_is_in_the_bars() -> None:
    seconds = {f"{phase}_s": float(place) for place, phase in enumerate(PHASES, start=1)}
    bars = of([example_record(seconds["train_s"], {}, phases=seconds, wall_s=sum(seconds.values()))])["phases"]
    (row,) = bars.rows
    assert float(row[-1]) == sum(seconds.values())
    assert sum(map(float, row[1:-1])) == pytest.approx(float(row[-1]))


def test_every_chart_has_words_a_table_and_colours_of_the_palette(full: list[Record]) -> None:
    for chart in of(full).values():
        assert len(chart.words) > 30
        assert chart.rows
        assert all(len(row) == len(chart.head) for row in chart.rows)
        assert "var(--" not in json.dumps(resolved(chart.spec))
        assert json.loads(json.dumps(chart.spec, allow_nan=False)) == chart.spec


def test_light_and_dark_name_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_what_was_not_measured_has_no_chart() -> None:
    bare = example_record(1.0, {}, phases={}, resources={}, quality={}, history=())
    assert of([bare]) == {}


@pytest.mark.parametrize(
    "quality",
    [
        {"confusion_matrix": [[1, 2]], "roc_curve": {"false_positive": [0.1]}, "scatter": {"x": [1], "y": [2], "cluster": 3}},
        {"confusion_matrix": [[1, None], [2, 3]], "roc_curve": [], "scatter": 3},
        {
            "confusion_matrix": "x",
            "roc_curve": {"false_positive": 1, "true_positive": 2},
            "scatter": {"x": 1, "y": 2, "cluster": 3},
        },
    ],
)
def test_values_of_another_shape_are_left_out(quality: dict[str, Any]) -> None:
    assert list(of([example_record(1.0, {}, quality=quality)])) == ["phases"]


def test_speed_up_is_drawn_over_cores_with_interval_ideal_and_law(full: list[Record]) -> None:
    chart = of(full)["speed-up"]
    assert [row[3] for row in chart.rows] == ["1", "2", "4"]
    assert "Amdahl's law fitted to dask" in chart.note
    text = json.dumps(chart.spec)
    for mark in ("area", "rule", "line", "point", "text"):
        assert f'"type": "{mark}"' in text
    assert '"ideal"' in text


def test_wide_ranges_get_logarithmic_axes() -> None:
    many = example_records(speeds={("serial", 1, 1): 1.0} | {("ddp", n, 1): n**0.9 for n in (1, 4, 16, 64)})
    assert '"type": "log"' in json.dumps(of(many)["speed-up"].spec)
    few = example_records(speeds={("serial", 1, 1): 1.0} | {("ddp", n, 1): n**0.9 for n in (1, 2, 4)})
    assert '"type": "log"' not in json.dumps(of(few)["speed-up"].spec)


def test_every_cell_is_a_row_of_train_and_of_the_whole_run_with_its_interval() -> None:
    found = of(example_records())
    train, whole = found["forest"], found["forest of the whole run"]
    assert [row[:3] for row in train.rows] == [row[:3] for row in whole.rows], "the same rows side by side"
    assert [row[0] for row in train.rows] == ["serial", "ddp", "serial", "ddp"], "the fastest in train first"
    assert all(float(row[5]) < float(row[4]) < float(row[6]) for row in train.rows if row[:3] != ("serial", "1", "1"))
    assert float(whole.rows[1][4]) < float(train.rows[1][4]), "launch takes its part of the whole run"
    assert '"type": "line"' not in json.dumps(train.spec)


@pytest.mark.parametrize(("counts", "is_joined"), [((1, 2), False), ((1, 2, 4), True)])
def test_points_are_joined_only_where_there_are_three_worker_counts(counts: tuple[int, ...], is_joined: bool) -> None:
    speeds = {("serial", 1, 1): 1.0, ("ray", 2, 1): 1.7} | {("ddp", count, 1): count**0.9 for count in counts}
    found = of(example_records(speeds=speeds))
    assert ("speed-up" in found) == ("speed-up of the whole run" in found) == ("efficiency" in found) == is_joined
    if is_joined:
        assert {row[0] for row in found["speed-up"].rows} == {"ddp"}


def test_an_interval_without_end_is_cut_and_has_an_arrow() -> None:
    wild = [example_record(seconds, {"backend": "ray", "repeat": n}) for n, seconds in enumerate((1.0, 200.0))]
    chart = of([*example_records(repeats=2), *wild])["forest"]
    assert "An arrow" in chart.note
    assert '"triangle-right"' in json.dumps(chart.spec)
    assert "An arrow" not in of(example_records())["forest"].note


def test_of_many_cells_the_fastest_of_every_backend_have_a_row() -> None:
    speeds = {("serial", 1, 1): 1.0} | {(f"b{place}", n, 1): n * (1 + place / 10) for place in range(12) for n in (1, 2, 4)}
    chart = of(example_records(speeds=speeds))["forest"]
    assert [row[1] for row in chart.rows[:12]] == ["4"] * 12
    assert "24 slower cells of the same engines" in chart.note


def test_phases_split_train_and_sum_to_the_whole() -> None:
    chart = of(example_records())["phases"]
    assert "wait for others" in chart.head
    for row in chart.rows:
        parts = [float(text) for text in row[1:-1] if text[0].isdigit()]
        assert sum(parts) == pytest.approx(float(row[-1]), rel=0.02)


def test_memory_keeps_its_peak_when_thinned_and_idle_gaps_are_not_negative() -> None:
    samples = [[t * 0.1, t * 0.1, 1e8] for t in range(1, 400)]
    samples[200][2] = 9e9
    samples[300][1] = 0.0
    found = of([example_record(1.0, {}, resources={"samples": samples})])
    assert len(found["memory"].rows) <= 60
    assert max(float(row[2]) for row in found["memory"].rows) == 9.0
    assert min(float(row[2]) for row in found["cpu"].rows) >= 0


def test_learning_shows_the_metric_of_the_target_and_the_target(full: list[Record]) -> None:
    assert of(full)["learning"].title.startswith("Accuracy")
    chart = of(full, QualityTarget("loss", 0.5))["learning"]
    assert chart.title.startswith("Loss")
    assert chart.note.startswith("Lower is better")
    assert '"value": 0.5' in json.dumps(chart.spec)


def test_many_cells_are_cut_to_the_base_line_and_the_fastest_of_every_backend() -> None:
    speeds = {("serial", 1, 1): 1.0} | {(f"b{place}", n, 1): n * (1 + place / 10) for place in range(12) for n in (1, 2)}
    (group,) = group_records(example_records(speeds=speeds))
    rows = shown(summarise(group))
    assert len(rows) == SHOWN
    assert rows[0].is_base
    assert (rows[1].cell.backend, rows[1].cell.workers) == ("b11", 2)


def test_classes_carry_the_names_of_the_report(full: list[Record]) -> None:
    chart = of(full)["confusion serial x 1"]
    assert chart.head == ("true \\ predicted", "class", "other")
    assert chart.rows == (("class", "5", "1"), ("other", "2", "8"))
    assert "13 of 16 rows in their true class" in chart.words
