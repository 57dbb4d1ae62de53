"""Kind clustering: the shared start, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhands.data.points import load_points
from manyhands.errors import DataError, UsageError
from manyhands.workloads.kinds.clustering import mean_variance
from manyhands.workloads.kmeans import KMeans


def test_the_shared_start_is_the_same_for_all_and_follows_the_seed() -> None:
    rows = load_points(None, 20_000).rows
    first, again, other = (KMeans().start(rows, seed) for seed in (0, 0, 1))
    assert first.centres is not None
    assert again.centres is not None
    assert other.centres is not None
    assert first.centres.shape == (8, 8)
    assert np.array_equal(first.centres, again.centres)
    assert not np.array_equal(first.centres, other.centres)
    assert KMeans(init="native").start(rows, 0).centres is None


def test_the_tolerance_in_units_of_the_data_is_scikit_learns() -> None:
    rows = load_points(None, 200_000).rows
    assert mean_variance(rows) == pytest.approx(np.mean(np.var(rows.read_x(), axis=0)))
    assert KMeans(tolerance=0.5).start(rows, 0).squared_movement == pytest.approx(0.5 * mean_variance(rows))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"init": "random"}, "kmeans init=random is none of shared, native"),
        ({"clusters": "1"}, "clusters are 2 or more"),
        ({"max_iterations": "0"}, "iterations 1 or more"),
        ({"tolerance": "-1"}, "the tolerance 0 or more"),
        ({"clusters": "few"}, "kmeans clusters=few is not of type int"),
    ],
)
def test_refuses_impossible_settings(settings: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        KMeans.from_settings(settings)


def test_refuses_more_clusters_than_distinct_rows(tmp_path: Path) -> None:
    path = tmp_path / "points.csv"
    path.write_text("a,b\n" + "1,1\n" * 50 + "2,2\n" + "3,3\n" * 5)
    KMeans(file=str(path), clusters=3).check_data(None, None)
    with pytest.raises(DataError, match=r"points\.csv: 3 distinct rows are fewer than 4 clusters; use --set clusters=3"):
        KMeans(file=str(path), clusters=4).check_data(None, None)


def test_tells_the_size_of_its_rows_without_reading_them() -> None:
    assert KMeans().training_bytes(None, 1000) == 1000 * 8 * 8
