from __future__ import annotations

import json
from typing import Any

import pytest

from manyhands.analysis.best_law import Choice, laws_found
from manyhands.analysis.cells import group_records
from manyhands.analysis.example import example_record, example_records
from manyhands.analysis.summary import summarise
from manyhands.analysis.targets import QualityTarget
from manyhands.record import Record
from manyhands.report.charts.gallery import charts
from manyhands.report.charts.look import DARK, LIGHT, resolved
from manyhands.report.charts.series import SHOWN, colours, shown


def of(records, target=None):
    (group,) = group_records(records)
    choices = [law for _, law in laws_found(group, "train") if isinstance(law, Choice)]
    return {chart.name: chart for chart in charts(group, summarise(group), choices, colours([group]), "train", target)}


def test_everything_that_was_measured_has_a_chart(full: list[Record]) -> None:
    names = {name.split()[0] for name in of(full)}
    assert names == {"speed-up", "efficiency", "phases", "cpu", "memory", "learning", "confusion", "roc", "clusters"}


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
    assert [row[3] for row in chart.rows] == ["1", "1", "2", "4"]
    assert "Amdahl's law fitted to dask" in chart.note
    text = json.dumps(chart.spec)
    for mark in ("area", "rule", "line", "point", "text"):
        assert f'"type": "{mark}"' in text
    assert '"ideal"' in text


def test_wide_ranges_get_logarithmic_axes() -> None:
    many = example_records(speeds={("serial", 1, 1): 1.0} | {("ddp", n, 1): n**0.9 for n in (1, 4, 16, 64)})
    assert '"type": "log"' in json.dumps(of(many)["speed-up"].spec)
    assert '"type": "log"' not in json.dumps(of(example_records())["speed-up"].spec)


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
