"""Kind search: the same answer as scikit-learn's GridSearchCV."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from manyhands.errors import DataError, UsageError
from manyhands.workloads.kinds.search import best, score_candidate
from manyhands.workloads.search import Search


def test_finds_what_grid_search_finds() -> None:
    workload = Search(trees=3, depths=("2", "6"), leaves=("1",), shares=("0.3", "0.6"), folds=3)
    arrays = workload.load(None, 600)
    folds, candidates = workload.splits(arrays, 0), workload.candidates()
    scores = np.array(
        [
            [score_candidate(workload, settings, fold, 0, 1, arrays.x_train, arrays.y_train) for fold in folds]
            for settings in candidates
        ]
    )
    theirs = GridSearchCV(workload.model({}, 0, 1), workload.grid(), cv=folds).fit(arrays.x_train, arrays.y_train)
    assert candidates == theirs.cv_results_["params"]
    assert scores.mean(axis=1) == pytest.approx(theirs.cv_results_["mean_test_score"], abs=1e-12)
    assert candidates[best(scores)] == theirs.best_params_


def test_the_first_of_equals_wins() -> None:
    assert best(np.array([[0.1, 0.2], [0.5, 0.5], [0.5, 0.5]])) == 1


def test_searches_over_its_own_rows_unless_told() -> None:
    assert len(Search(rows=300).load(None, None).x_train) == 300
    assert len(Search(rows=300).load(None, 500).x_train) == 500


def test_says_what_is_impossible(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"search grid: .*'x'; write depths=4,8"):
        Search.from_settings({"depths": "4,x"})
    with pytest.raises(UsageError, match="folds=1"):
        Search(folds=1)
    path = tmp_path / "rare.csv"
    path.write_text("a,y\n" + "".join(f"{n},0\n" for n in range(50)) + "1,1\n2,1\n3,1\n")
    with pytest.raises(DataError, match=r"a class of \d rows cannot be in each of 4 folds"):
        Search(file=str(path), label="y", folds=4).check_data(None, None)
