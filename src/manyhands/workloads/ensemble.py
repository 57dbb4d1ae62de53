"""`ensemble`: multi-layer perceptrons on parts of MNIST, with a majority vote; `single` trains one model on all rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from manyhands.data.mnist import load_mnist
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.ensemble import EnsembleWorkload


@dataclass(frozen=True)
class Ensemble(EnsembleWorkload):
    """scikit-learn's MLPClassifier with one hidden layer; the number of passes is fixed, so the amount of work is fixed."""

    name: ClassVar[str] = "ensemble"
    summary: ClassVar[str] = "voting ensemble of perceptrons on MNIST"
    data: ClassVar[str] = "mnist"

    hidden: int = 128
    learning_rate: float = 1e-3

    def load(self, data_dir: Path | None) -> Arrays:
        digits = load_mnist(data_dir)
        x_train, x_test = (images.reshape(len(images), -1) / np.float32(255) for images in (digits.x_train, digits.x_test))
        return Arrays(x_train, digits.y_train, x_test, digits.y_test, digits.source)

    def classifier(self, seed: int, passes: int, batch_size: int) -> Any:
        from sklearn.neural_network import MLPClassifier

        return MLPClassifier(
            (self.hidden,),
            learning_rate_init=self.learning_rate,
            batch_size=batch_size,
            max_iter=passes,
            n_iter_no_change=passes + 1,
            random_state=seed,
        )
