"""The embedded handwriting: labels belong to images, and no original is on both sides of the split."""

from __future__ import annotations

import numpy as np
import pytest

from manyhands.data import digits
from manyhands.data.mnist import load_mnist


def test_a_simple_classifier_reads_the_test_digits() -> None:
    """Nearest class mean: far above chance, and below 1, because train and test are not the same."""
    embedded = load_mnist(None)
    train, test = (x.reshape(len(x), -1).astype(np.float32) for x in (embedded.x_train, embedded.x_test))
    means = np.stack([train[embedded.y_train == label].mean(axis=0) for label in range(10)])
    squares = (means**2).sum(axis=1) - 2 * test @ means.T
    assert 0.7 < np.mean(squares.argmin(axis=1) == embedded.y_test) < 0.99


def test_no_original_is_varied_into_both_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "_turn", lambda image, angle, shift: image)
    x_train, _, x_test, _ = digits.draw_digits()
    train, test = ({image.tobytes() for image in images} for images in (x_train, x_test))
    assert (len(train), len(test)) == (1437, 360)
    assert not train & test
