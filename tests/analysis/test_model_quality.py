"""When is a model worse? Never by less than what the held-out rows and the launches make by chance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from manyhands.analysis.example import example_record
from manyhands.analysis.model_quality import ModelQuality, model_quality
from manyhands.analysis.spread import spread


def compared(
    metric: str, own: Sequence[float], base: Sequence[float], rows: int | None = 2048, seeds: Sequence[int] = (0,)
) -> ModelQuality:
    records = [example_record(1.0, {"seed": seed}, data={"rows": {"train": 9, "test": rows}} if rows else {}) for seed in seeds]
    of_own, of_base = spread(own), spread(base)
    assert of_own
    assert of_base
    return model_quality(metric, of_own, of_base, records)


def test_a_row_more_or_less_of_two_thousand_is_as_good() -> None:
    found = compared("accuracy", [0.8618] * 3, [0.8623] * 3)
    assert (found.verdict, found.rows, found.seeds) == ("as good", 2048, 1)
    assert found.margin == pytest.approx(1.96 * (2 * 0.86205 * 0.13795 / 2048) ** 0.5)
    assert compared("accuracy", [0.83] * 3, [0.8623] * 3).verdict == "worse"
    assert compared("accuracy", [0.8618] * 3, [0.8623] * 3, rows=10**8).verdict == "worse"


@pytest.mark.parametrize(
    ("metric", "own", "base", "verdict"),
    [
        ("accuracy", 1.0, 0.95, "better"),
        ("accuracy", 1.0, 0.999, "as good"),
        ("mape_percent", 5.76, 5.73, "as good"),
        ("mape_percent", 3.0, 5.73, "better"),
        ("rmse", 9.0, 4.1, "worse"),
        ("silhouette", -0.4, 0.5, "worse"),
    ],
)
def test_the_name_of_a_metric_decides_what_chance_and_better_are(metric: str, own: float, base: float, verdict: str) -> None:
    assert compared(metric, [own] * 2, [base] * 2).verdict == verdict


def test_seeds_that_scatter_more_than_rows_widen_the_margin() -> None:
    seeds = compared("accuracy", [0.80, 0.90, 0.85], [0.90, 0.92, 0.94], seeds=(0, 1, 2))
    assert (seeds.verdict, seeds.seeds) == ("as good", 3)
    assert compared("accuracy", [0.85] * 3, [0.92] * 3).verdict == "worse"


def test_without_rows_and_scatter_only_equal_values_are_as_good() -> None:
    assert compared("accuracy", [0.9], [0.91], rows=None) == ModelQuality(None, None, None, 1)
    assert compared("accuracy", [0.9], [0.9], rows=None).verdict == "as good"
    assert compared("accuracy", [0.9, 0.91], [0.5, 0.51], rows=None).verdict == "better"


@pytest.mark.parametrize("metric", ["accuracy", "mape_percent"])
def test_two_equally_good_models_are_called_different_in_at_most_5_of_100_comparisons(metric: str) -> None:
    """Each on rows of its own, which differ more than two models on the same rows."""
    chance = np.random.default_rng(0)
    draw = (lambda: chance.random(2000) < 0.86) if metric == "accuracy" else (lambda: chance.exponential(5.7, 2000))
    told = [compared(metric, [float(draw().mean())], [float(draw().mean())], rows=2000).verdict for _ in range(1000)]
    assert 0.02 < sum(verdict != "as good" for verdict in told) / len(told) < 0.07
