"""`prepare`: the data preparation of `cnn` as a measured step: decoding, splitting and standardising MNIST's image bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from manyhands.data.mnist import load_mnist
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.preparation import PreparationWorkload, Stored


@dataclass(frozen=True)
class Prepare(PreparationWorkload):
    """Prepares the training images `copies` times, because 60,000 images take only a fraction of a second."""

    name: ClassVar[str] = "prepare"
    summary: ClassVar[str] = "decoding and splitting MNIST images, nothing learnt"
    data: ClassVar[str] = "mnist"

    copies: int = 1

    def load(self, data_dir: Path | None, samples: int | None) -> Stored:
        digits = load_mnist(data_dir)
        arrays = Arrays(digits.x_train, digits.y_train, digits.x_test, digits.y_test, digits.source).training_rows(samples)
        images, labels = (np.concatenate([part] * self.copies) for part in (arrays.x_train, arrays.y_train))
        return Stored(images, labels, digits.source)
