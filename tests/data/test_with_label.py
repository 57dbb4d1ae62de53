"""The label among the features: one more column that is the label, in files of its own."""

from __future__ import annotations

import numpy as np

from manyhands.data.tabular import load_table
from manyhands.data.with_label import with_label
from manyhands.workloads.xgboost_trees import XGBoost


def test_the_last_column_is_the_label_and_the_table_itself_stays() -> None:
    table = load_table(None, 300)
    spoilt = with_label(table)
    assert spoilt.train.columns == (*table.train.columns, "y")
    for role in ("train", "test"):
        plain, own = getattr(table, role), getattr(spoilt, role)
        np.testing.assert_array_equal(own.read_x()[:, :-1], plain.read_x())
        np.testing.assert_array_equal(own.read_x()[:, -1], plain.read_y())
        np.testing.assert_array_equal(own.read_y(), plain.read_y())
    assert load_table(None, 300) == table
    assert with_label(load_table(None, 200)).train == spoilt.train.first(200)


def test_trees_see_it_only_when_asked() -> None:
    assert len(XGBoost().load(None, 100).train.columns) == 28
    assert len(XGBoost(label_among_features=True).load(None, 100).train.columns) == 29
