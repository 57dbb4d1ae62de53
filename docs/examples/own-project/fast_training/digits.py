"""A workload: linear classifiers that vote on handwritten digits. The images come with scikit-learn, so nothing is downloaded.

`pyproject.toml` offers it by an entry point, so after `pip install -e .` it has a name: `manyhands run digits --backend serial,joblib`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.ensemble import EnsembleWorkload

TEST_ROWS = 297
"""Images that are held out to score the vote; 1,500 are left to train the classifiers."""


@dataclass(frozen=True)
class Digits(EnsembleWorkload):
    """Each member learns its own part of the images. The fields of the class are its settings: `--set members=8 --set penalty=0.01`."""

    name: ClassVar[str] = "digits"
    summary: ClassVar[str] = "voting linear classifiers on the digits of scikit-learn"
    data: ClassVar[str] = "digits"

    penalty: float = 1e-3

    def load(self, data_dir: Path | None) -> Arrays:
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order].astype(np.float32) / 16, y[order]
        return Arrays(x[TEST_ROWS:], y[TEST_ROWS:], x[:TEST_ROWS], y[:TEST_ROWS], source="scikit-learn")

    def classifier(self, seed: int, passes: int, batch_size: int) -> Any:
        from sklearn.linear_model import SGDClassifier

        return SGDClassifier(loss="log_loss", alpha=self.penalty, max_iter=passes, tol=None, random_state=seed)
