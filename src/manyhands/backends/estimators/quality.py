"""One definition of quality for every engine: computed by us, on the same rows, outside the `train` phase.

Clusterings are scored part by part, so that points beyond memory can be scored too. Scores of classifiers are scikit-learn's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.row_parts import Rows
from manyhands.errors import EngineError

SILHOUETTE_ROWS = 10_000
SILHOUETTE_SEED = 1
WORKING_MIB = 64
"""Memory for distances: scikit-learn's default of 1 GiB would be the peak memory of every run."""
SCATTER_ROWS = 300
CURVE_POINTS = 101
BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class Clustering:
    """Scores of one set of centres, and how they were computed."""

    quality: dict[str, Any]
    """`inertia` (sum of squared Euclidean distances to the nearest centre), `silhouette`, `davies_bouldin`; None where fewer
    than two clusters have rows, for which neither is defined. `other_distances` holds the silhouette of the same labels with
    `squared_euclidean` distances, as MLlib's evaluator computes it: another scale, never to be compared with the first.
    `scatter`: a sample of the rows for the page's chart."""
    resolved: dict[str, Any]
    """`silhouette_rows`, `silhouette_seed`, `clusters_found`."""


def score_clusters(rows: Rows, centres: NDArray[np.float64]) -> Clustering:
    """Scores of giving every row to its nearest centre; reads the rows twice, a block at a time.

    Silhouette: Euclidean, on all rows up to 10,000, above that on 10,000 drawn with `SILHOUETTE_SEED`. Davies-Bouldin: mean over
    clusters of the worst (s_i + s_j) / d_ij, with s the mean distance of a cluster's rows to their mean and d the distance of two
    means (Davies and Bouldin, "A cluster separation measure", 1979), as scikit-learn computes it.
    """
    if not np.isfinite(centres).all():
        raise EngineError(f"the engine returned centres that are no finite numbers: {centres.tolist()}")
    inertia, counts, totals = 0.0, np.zeros(len(centres), np.int64), np.zeros(centres.shape)
    for x, labels, distances in _assigned(rows, centres):
        inertia += float(np.sum(distances**2))
        counts += np.bincount(labels, minlength=len(centres))
        np.add.at(totals, labels, x)
    found = np.flatnonzero(counts)
    scored: dict[str, Any] = {"inertia": inertia, "silhouette": None, "davies_bouldin": None, "other_distances": {}}
    sample = min(len(rows), SILHOUETTE_ROWS)
    if 2 <= len(found) < len(rows):
        scored["davies_bouldin"] = _davies_bouldin(rows, centres, found, totals[found] / counts[found, None], counts[found])
        scored["silhouette"], squared = _silhouettes(rows, centres, sample)
        scored["other_distances"] = {"squared_euclidean": squared}
    scored["scatter"] = _scatter(rows, centres)
    resolved = {"silhouette_rows": sample, "silhouette_seed": SILHOUETTE_SEED, "clusters_found": len(found)}
    return Clustering(scored, resolved)


def _assigned(
    rows: Rows, centres: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]]:
    """Blocks of rows, the number of their nearest centre, and the distance to it."""
    from sklearn.metrics import pairwise_distances_argmin_min

    for part in rows.parts:
        whole = part.x()
        for start in range(0, len(whole), BLOCK_ROWS):
            x = np.ascontiguousarray(whole[start : start + BLOCK_ROWS])
            labels, distances = pairwise_distances_argmin_min(x, centres)
            yield x, labels, distances


def _davies_bouldin(
    rows: Rows, centres: NDArray[np.float64], found: NDArray[np.int64], means: NDArray[np.float64], counts: NDArray[np.int64]
) -> float:
    place = np.zeros(len(centres), np.int64)
    place[found] = np.arange(len(found))
    spread = np.zeros(len(found))
    for x, labels, _ in _assigned(rows, centres):
        own = place[labels]
        spread += np.bincount(own, weights=np.linalg.norm(x - means[own], axis=1), minlength=len(found))
    spread /= counts
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return float(np.mean(np.max((spread[:, None] + spread[None]) / apart, axis=1)))


def _silhouettes(rows: Rows, centres: NDArray[np.float64], sample: int) -> tuple[float | None, float | None]:
    """With Euclidean and with squared Euclidean distances, on the same sample and labels."""
    from sklearn import config_context
    from sklearn.metrics import pairwise_distances_argmin, silhouette_score

    x = _sample(rows, sample)
    labels = pairwise_distances_argmin(x, centres)
    if not 2 <= len(np.unique(labels)) < len(x):
        return None, None
    with config_context(working_memory=WORKING_MIB):
        return float(silhouette_score(x, labels)), float(silhouette_score(x, labels, metric="sqeuclidean"))


def _sample(rows: Rows, count: int) -> NDArray[np.float64]:
    """(count, columns): the same rows for every engine, all of them when there are no more."""
    chosen = np.arange(len(rows))
    if count < len(rows):
        chosen = np.sort(np.random.default_rng(SILHOUETTE_SEED).choice(len(rows), count, replace=False))
    return rows.take(chosen)


def _scatter(rows: Rows, centres: NDArray[np.float64]) -> dict[str, Any]:
    """Some rows with their clusters, on the two columns in which the centres differ most, as parts of the column's own spread."""
    from sklearn.metrics import pairwise_distances_argmin

    x = _sample(rows, SCATTER_ROWS)
    apart = np.ptp(centres, axis=0) / np.maximum(np.ptp(x, axis=0), np.finfo(np.float64).tiny)
    first, second = (*np.argsort(-apart, kind="stable"), 0)[:2]
    return {
        "x": x[:, first].tolist(),
        "y": x[:, second].tolist(),
        "cluster": pairwise_distances_argmin(x, centres).tolist(),
        "columns": [rows.columns[first], rows.columns[second]],
    }


def score_classes(y: NDArray[Any], probabilities: NDArray[Any], chosen: NDArray[Any], names: Sequence[str]) -> dict[str, Any]:
    """Quality of a classifier on the rows with labels `y` (rows,), numbered as `names` are.

    `probabilities` (rows, classes), `chosen` (rows,) the classes it decided for. Gives `accuracy`, `log_loss`, `roc_auc` (the mean
    of one against the rest beyond two classes; None when `y` lacks a class), `roc_curve` (two classes: at most 101 points of
    false and true positive rates), `confusion_matrix` (a row for each true class) and `classification_report`.
    """
    from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, log_loss

    numbers = list(range(len(names)))
    report = classification_report(y, chosen, labels=numbers, target_names=list(names), output_dict=True, zero_division=0)
    quality = {
        "accuracy": float(accuracy_score(y, chosen)),
        "log_loss": float(log_loss(y, probabilities, labels=numbers)),
        "roc_auc": _roc_auc(y, probabilities),
        "confusion_matrix": confusion_matrix(y, chosen, labels=numbers).tolist(),
        "classification_report": report,
    }
    return quality | ({"roc_curve": roc_points(y, probabilities[:, 1])} if len(names) == 2 else {})


def _roc_auc(y: NDArray[Any], probabilities: NDArray[Any]) -> float | None:
    from sklearn.metrics import roc_auc_score

    classes = probabilities.shape[1]
    if len(np.unique(y)) < classes:
        return None
    if classes == 2:
        return float(roc_auc_score(y, probabilities[:, 1]))
    return float(np.mean([roc_auc_score(y == number, probabilities[:, number]) for number in range(classes)]))


def roc_points(y: NDArray[Any], score: NDArray[Any]) -> dict[str, list[float]]:
    """`false_positive` and `true_positive` rates, ascending from 0 to 1: every point of the curve, or 101 spread over it."""
    from sklearn.metrics import roc_curve

    if len(np.unique(y)) < 2:
        return {"false_positive": [], "true_positive": []}
    false_positive, true_positive, _ = roc_curve(y, score)
    if len(false_positive) > CURVE_POINTS:
        # Evenly along the curve's own length, so that its steep start keeps points too.
        length = false_positive + true_positive
        kept = np.unique(np.searchsorted(length, np.linspace(0, 2, CURVE_POINTS)).clip(max=len(length) - 1))
        false_positive, true_positive = false_positive[kept], true_positive[kept]
    return {"false_positive": false_positive.round(6).tolist(), "true_positive": true_positive.round(6).tolist()}
