"""Kind boosting: one set of parameters for all engines."""

from __future__ import annotations

import pytest

from manyhands.errors import UsageError
from manyhands.workloads.xgboost_trees import XGBoost


def test_parameters_follow_the_classes_and_name_every_choice() -> None:
    two, three = (XGBoost(max_depth=3).parameters(classes, seed=5, threads=2) for classes in (2, 3))
    assert two["objective"] == "binary:logistic"
    assert two["base_score"] == 0.5
    assert (three["objective"], three["num_class"]) == ("multi:softprob", 3)
    for parameters in (two, three):
        assert (parameters["max_depth"], parameters["seed"], parameters["nthread"]) == (3, 5, 2)
        assert parameters["tree_method"] == "hist"


def test_refuses_no_rounds() -> None:
    with pytest.raises(UsageError, match="xgboost rounds=0 is not a whole number above 0"):
        XGBoost.from_settings({"rounds": "0"})
