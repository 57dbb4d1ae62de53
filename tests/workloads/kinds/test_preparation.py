"""Kind preparation: the split, and what standardised images are."""

from __future__ import annotations

import numpy as np
import pytest

from manyhands.errors import DataError, UsageError
from manyhands.workloads.kinds.preparation import prepare_plainly, sums
from manyhands.workloads.prepare import Prepare


def test_parts_are_disjoint_complete_and_standardised_by_the_training_part() -> None:
    workload = Prepare()
    stored = workload.load(None, 1000)
    split = workload.split(1000, seed=0)
    prepared = prepare_plainly(stored, split)
    assert prepared.x_train.shape == (800, 1, 28, 28)
    assert prepared.x_train.dtype == np.float32
    assert sorted(np.concatenate(split)) == list(range(1000))
    assert prepared.x_train.mean(dtype=np.float64) == pytest.approx(0, abs=1e-5)
    assert prepared.x_train.std(dtype=np.float64) == pytest.approx(1, abs=1e-5)
    back = prepared.x_validation[:, 0] * prepared.deviation + prepared.mean
    assert np.abs(back * 255 - stored.images[split[1]]).max() < 0.001
    assert np.array_equal(prepared.y_validation, stored.labels[split[1]])
    assert sums(prepared)["rows_validation"] == 200


def test_copies_make_more_rows() -> None:
    assert len(Prepare(copies=3).load(None, 100).images) == 300


def test_refuses_an_empty_part() -> None:
    with pytest.raises(UsageError, match="validation_percent=0"):
        Prepare(validation_percent=0)
    with pytest.raises(DataError, match="leave one part of the split empty"):
        Prepare(validation_percent=1).check_data(None, 10)
