"""The embedded handwriting: scikit-learn's bundled digits, enlarged to 28 x 28 and varied by small shifts and rotations.

The originals are real (UCI, optical recognition of handwritten digits, 1,797 images of 8 x 8 pixels). They are split into
train and test before any image is varied, so no original has copies in both parts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]

TRAIN_ROWS = 8192
TEST_ROWS = 2048
TRAIN_ORIGINALS = 1437
"""80 % of the 1,797 originals."""
SIDE = 28
INK_SIDE = 20
"""MNIST fits its digits into 20 x 20 in the middle of 28 x 28."""
MOST_DEGREES = 12.0
MOST_SHIFT = 2.0
"""Pixels in each direction."""
SEED = 20


def draw_digits() -> tuple[Images, Images, Images, Images]:
    """x_train (8192, 28, 28), y_train (8192,), x_test (2048, 28, 28), y_test (2048,); always the same digits."""
    from sklearn.datasets import load_digits

    bundled = load_digits()
    chance = np.random.default_rng(SEED)
    order = chance.permutation(len(bundled.images))
    train, test = order[:TRAIN_ORIGINALS], order[TRAIN_ORIGINALS:]
    images = _enlarge(bundled.images)
    labels = bundled.target.astype(np.uint8)
    return *_vary(images, labels, train, TRAIN_ROWS, chance), *_vary(images, labels, test, TEST_ROWS, chance)


def _enlarge(originals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Images (n, 8, 8) of 0..16 -> (n, 28, 28) of 0..255, with the ink in the middle 20 x 20 pixels."""
    from scipy.ndimage import zoom

    factor = INK_SIDE / originals.shape[1]
    ink = np.clip(zoom(originals, (1, factor, factor), order=3), 0, 16) * (255 / 16)
    margin = (SIDE - INK_SIDE) // 2
    return np.pad(ink, ((0, 0), (margin, margin), (margin, margin)))


def _vary(
    images: NDArray[np.float64], labels: Images, originals: NDArray[np.int64], rows: int, chance: np.random.Generator
) -> tuple[Images, Images]:
    """`rows` variations in a random order; the originals are used equally often, with a difference of at most one."""
    chosen = chance.permutation(np.resize(originals, rows))
    angles = np.deg2rad(chance.uniform(-MOST_DEGREES, MOST_DEGREES, rows))
    shifts = chance.uniform(-MOST_SHIFT, MOST_SHIFT, (rows, 2))
    varied = np.empty((rows, SIDE, SIDE), np.uint8)
    for row, (original, angle, shift) in enumerate(zip(chosen, angles, shifts, strict=True)):
        varied[row] = _turn(images[original], float(angle), shift)
    return varied, labels[chosen]


def _turn(image: NDArray[np.float64], angle: float, shift: NDArray[np.float64]) -> NDArray[np.float64]:
    """`image` rotated by `angle` (radians) about its centre, then moved by `shift` (pixels down and right)."""
    from scipy.ndimage import affine_transform

    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    middle = np.full(2, (SIDE - 1) / 2)
    turned: NDArray[np.float64] = affine_transform(image, turn, middle - turn @ (middle + shift), order=1)
    return np.rint(turned)
