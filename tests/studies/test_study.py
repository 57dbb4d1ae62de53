"""The five studies are what they say, and a file that is wrong is refused with what is wrong in it."""

from __future__ import annotations

import pytest

from manyhands.errors import UsageError
from manyhands.plugins import backend_classes, workload_class
from manyhands.studies.study import AS_PUBLISHED, CORRECTED, VARIANTS, load_study, read_study, study_names

NAMES = ["dask-and-spark", "lstm-spark", "mlp-ensemble", "mnist-ray-s3", "mnist-rnn-fabric"]
GOOD = """
title = "T"
asks = "A?"
source = "S"
machine = "M"
repeats = 3
[[part]]
name = "p"
workload = "rnn"
backends = { serial = [1], ddp = [2] }
settings = { hidden = 8, cell = "gru" }
[part.as-published]
batch = "per-worker"
settings = { cell = "rnn" }
[[figure]]
name = "f"
what = "Speed-up"
kind = "speed-up"
source = "its table"
of = { part = "p", backend = "ddp", workers = 2 }
over = { part = "p", backend = "serial" }
rows = [{ label = "two", value = 1.5 }]
[[flaw]]
spoils = ["f"]
words = "one launch"
instead = "three"
"""


def test_there_are_the_five() -> None:
    assert study_names() == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_flaw_is_tied_to_a_figure_and_every_figure_has_its_source(name: str) -> None:
    study = load_study(name)
    figures = {figure.name: figure for figure in study.figures(CORRECTED)}
    assert study.flaws
    assert all(set(flaw.spoils) <= set(figures) and flaw.words and flaw.instead for flaw in study.flaws)
    assert all(figure.source and figure.rows for figure in figures.values())
    assert any(row.value is not None for figure in figures.values() for row in figure.rows)
    published = [name for name, figure in figures.items() if any(row.value is not None for row in figure.rows)]
    assert [name for name in published if study.flaws_of(name)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_part_is_of_our_workloads_and_backends(name: str, variant: str) -> None:
    for part in load_study(name).parts(variant):
        workload_class(part.workload).from_settings(part.settings)
        assert set(part.backends) <= set(backend_classes())
        for counts in part.backends.values():
            assert part.batch != "global" or all(part.batch_size % count == 0 for count in counts)


@pytest.mark.parametrize(
    ("study", "figure", "published"),
    [
        ("lstm-spark", "speed-up", [1.95, 2.29, 2.60]),
        ("lstm-spark", "mape", [3.54, 2.87, 3.52, 3.23]),
        ("lstm-spark", "rmse", [8.58, 5.68, 5.58, 5.98]),
        ("mlp-ensemble", "over-one-model", [1.43]),
        ("mnist-ray-s3", "accuracy", [0.1135, None]),
        ("dask-and-spark", "accuracy-spark", [1.0]),
    ],
)
def test_published_numbers(study: str, figure: str, published: list[float | None]) -> None:
    found = {figure.name: figure for figure in load_study(study).figures(CORRECTED)}[figure]
    assert [row.value for row in found.rows] == published


def test_published_speed_ups_are_those_of_the_published_seconds() -> None:
    for study, figure, seconds in (
        ("mlp-ensemble", "over-one-model", [(9.19, 6.42)]),
        ("mnist-rnn-fabric", "real-time", [(150.5, 119.5), (150.5, 61.6)]),
        ("dask-and-spark", "kmeans-time", [(6.94, 0.54)]),
        ("dask-and-spark", "xgboost-time", [(20.43, 4.92)]),
        ("dask-and-spark", "split-time", [(1.04, 1.08)]),
        ("lstm-spark", "speed-up", [(2053.34, 1050.34), (2053.34, 894.32), (2053.34, 789.16)]),
    ):
        found = {figure.name: figure for figure in load_study(study).figures(CORRECTED)}[figure]
        values = [row.value for row in found.rows]
        assert values == pytest.approx([base / own for base, own in seconds], rel=0.005)


def test_a_variant_changes_settings_one_by_one() -> None:
    study = read_study("own", GOOD)
    assert study.parts(AS_PUBLISHED)[0].settings == {"hidden": 8, "cell": "rnn"}
    assert study.parts(CORRECTED)[0].settings == {"hidden": 8, "cell": "gru"}
    assert [part.batch for variant in VARIANTS for part in study.parts(variant)] == ["per-worker", "global"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('spoils = ["f"]', 'spoils = ["g"]', "the flaw 'one launch' spoils g; figures: f"),
        ('source = "its table"', 'source = ""', "figure f has no source"),
        ('kind = "speed-up"', 'kind = "speed"', "figure f is of kind 'speed'"),
        ("workers = 2 }", "workers = 3 }", "which as-published does not run"),
        ("value = 1.5", "spread = 1.5", "neither a published value nor `words` with the reason"),
        ('title = "T"', 'titel = "T"', "unknown titel; known: "),
        ("repeats = 3", "", "repeats is missing"),
        ("ddp = [2]", "ddp = [0]", "worker counts above 0"),
        ("[[flaw]]", '[[table]]\nkind = "pie"\nparts = ["p"]\n[[flaw]]', "the table pie of p is none of"),
    ],
)
def test_says_what_is_wrong_in_a_file(old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"study own.*{message}"):
        read_study("own", GOOD.replace(old, new, 1))
