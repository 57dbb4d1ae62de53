"""Scores: ours part by part against scikit-learn's on the whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import davies_bouldin_score, roc_auc_score, roc_curve, silhouette_score

from manyhands.backends.estimators import quality
from manyhands.backends.estimators.quality import CURVE_POINTS, roc_points, score_classes, score_clusters
from manyhands.data.row_parts import Rows, write_part
from manyhands.errors import EngineError

CHANCE = np.random.default_rng(0)
X = np.vstack([CHANCE.normal(centre, 1, (120, 2)) for centre in (0, 4, 9)])


def rows(folder: Path, x: np.ndarray, cut: int) -> Rows:  # type: ignore[type-arg]
    parts = tuple(write_part(folder, f"p{start}", x[start : start + cut]) for start in range(0, len(x), cut))
    return Rows(parts, tuple("ab"), "float64")


@pytest.mark.parametrize("cut", [50, 1000])
def test_scores_of_parts_are_those_of_the_whole(tmp_path: Path, cut: int) -> None:
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    found = score_clusters(rows(tmp_path, X, cut), model.cluster_centers_)
    assert found.quality["inertia"] == pytest.approx(model.inertia_)
    assert found.quality["silhouette"] == pytest.approx(silhouette_score(X, model.labels_))
    squared = silhouette_score(X, model.labels_, metric="sqeuclidean")
    assert found.quality["other_distances"]["squared_euclidean"] == pytest.approx(squared)
    assert found.quality["davies_bouldin"] == pytest.approx(davies_bouldin_score(X, model.labels_))
    assert found.resolved == {"silhouette_rows": 360, "silhouette_seed": 1, "clusters_found": 3}


def test_centres_without_rows_are_left_out(tmp_path: Path) -> None:
    centres = np.array([[0.0, 0.0], [9.0, 9.0], [500.0, 500.0]])
    found = score_clusters(rows(tmp_path, X, 100), centres)
    labels = np.linalg.norm(X[:, None] - centres[None], axis=2).argmin(axis=1)
    assert found.resolved["clusters_found"] == 2
    assert found.quality["davies_bouldin"] == pytest.approx(davies_bouldin_score(X, labels))


def test_one_cluster_has_no_silhouette(tmp_path: Path) -> None:
    found = score_clusters(rows(tmp_path, X, 100), np.array([[0.0, 0.0], [500.0, 500.0]]))
    assert found.quality["silhouette"] is None
    assert found.quality["davies_bouldin"] is None
    with pytest.raises(EngineError, match="no finite numbers"):
        score_clusters(rows(tmp_path, X, 100), np.array([[np.nan, 0.0]]))


def test_silhouette_of_many_rows_is_that_of_the_same_sample_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality, "SILHOUETTE_ROWS", 200)
    model = KMeans(3, n_init=1, random_state=0).fit(X)
    first, again = (score_clusters(rows(tmp_path, X, cut), model.cluster_centers_) for cut in (70, 360))
    assert first.quality["silhouette"] == again.quality["silhouette"]
    assert first.quality["silhouette"] == pytest.approx(silhouette_score(X, model.labels_), abs=0.05)
    assert first.resolved["silhouette_rows"] == 200


def test_scatter_is_drawn_where_the_centres_differ(tmp_path: Path) -> None:
    flat = np.column_stack([CHANCE.normal(0, 50, len(X)), X])  # wide, but no cluster differs in it
    held = Rows((write_part(tmp_path, "flat", flat),), ("noise", "a", "b"), "float64")
    centres = np.array([[0.0, 0.0, 0.0], [0.0, 4.0, 4.0], [0.0, 9.0, 9.0]])
    drawn = score_clusters(held, centres).quality["scatter"]
    assert drawn["columns"] in (["a", "b"], ["b", "a"])
    assert len(drawn["x"]) == len(drawn["y"]) == len(drawn["cluster"]) == quality.SCATTER_ROWS
    nearest = np.abs(np.array([0, 4, 9])[None] - np.column_stack([drawn["x"], drawn["y"]]).mean(axis=1)[:, None]).argmin(axis=1)
    assert np.mean(nearest == drawn["cluster"]) > 0.95


def test_two_classes() -> None:
    y = np.array([0, 0, 1, 1, 1])
    share = np.array([0.1, 0.6, 0.4, 0.8, 0.9])
    found = score_classes(y, np.column_stack([1 - share, share]), (share > 0.5).astype(int), ("no", "yes"))
    assert found["accuracy"] == pytest.approx(0.6)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.9, 0.4, 0.4, 0.8, 0.9])))
    assert found["roc_auc"] == pytest.approx(roc_auc_score(y, share))
    assert found["confusion_matrix"] == [[1, 1], [1, 2]]
    assert found["classification_report"]["yes"]["recall"] == pytest.approx(2 / 3)
    assert found["roc_curve"]["false_positive"][0] == found["roc_curve"]["true_positive"][0] == 0


def test_more_classes_have_a_mean_area_and_no_curve() -> None:
    y = np.array([0, 1, 2, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3], [0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])
    found = score_classes(y, probabilities, probabilities.argmax(axis=1), ("a", "b", "c"))
    expected = roc_auc_score(y, probabilities, multi_class="ovr", average="macro")
    assert found["roc_auc"] == pytest.approx(expected)
    assert "roc_curve" not in found
    assert score_classes(y[:2], probabilities[:2], y[:2], ("a", "b", "c"))["roc_auc"] is None


def test_a_long_curve_is_thinned_without_moving() -> None:
    y = CHANCE.integers(2, size=5000)
    score = y * 0.3 + CHANCE.random(5000)
    points = roc_points(y, score)
    false_positive, true_positive = np.array(points["false_positive"]), np.array(points["true_positive"])
    assert 50 < len(false_positive) <= CURVE_POINTS
    assert (false_positive[0], true_positive[0], false_positive[-1], true_positive[-1]) == (0, 0, 1, 1)
    whole_false, whole_true, _ = roc_curve(y, score)
    along = np.interp(whole_false + whole_true, false_positive + true_positive, true_positive)
    assert np.abs(along - whole_true).max() < 0.01
    assert np.trapezoid(true_positive, false_positive) == pytest.approx(roc_auc_score(y, score), abs=0.003)
    assert roc_points(np.zeros(3), np.zeros(3)) == {"false_positive": [], "true_positive": []}
