"""Handwritten digits: the four IDX files of MNIST from a folder, or the embedded digits; checked before training."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.folder import first_file
from manyhands.data.idx import read_idx
from manyhands.data.inflate import AGAIN
from manyhands.data.make import embedded
from manyhands.errors import DataError

FOLDER = "mnist"
SIDE = 28
CLASSES = 10
PARTS = {
    "x_train": "train-images-idx3",
    "y_train": "train-labels-idx1",
    "x_test": "t10k-images-idx3",
    "y_test": "t10k-labels-idx1",
}

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Mnist:
    """Images (n, 28, 28) from 0 (paper) to 255 (ink), labels (n,) from 0 to 9; all uint8 and read-only."""

    x_train: Images
    y_train: Images
    x_test: Images
    y_test: Images
    source: str
    """The folder of the files, or `embedded digits`."""


def load_mnist(data_dir: Path | None) -> Mnist:
    """The digits in `data_dir/mnist` or `data_dir`; None means the embedded digits, which are generated on first use.

    Plain files are preferred to .gz, because they can be memory-mapped. Raises DataError that names the file when a file is
    missing or damaged, or when images and labels do not belong together.
    """
    files = mnist_files(embedded(FOLDER) if data_dir is None else data_dir)
    for path in files.values():
        if not path.is_file():
            raise DataError(f"no file {path}.gz or {path.name}; 'manyhands data ls' shows what was found")
    arrays = {part: read_idx(path) for part, path in files.items()}
    for images, labels in (("x_train", "y_train"), ("x_test", "y_test")):
        check_pair(files[images], arrays[images], files[labels], arrays[labels])
    return Mnist(**arrays, source="embedded digits" if data_dir is None else str(files["x_train"].parent))


def mnist_files(data_dir: Path) -> dict[str, Path]:
    """Part -> its file in `data_dir/mnist`, `data_dir` or where torchvision puts it; a missing file gets its usual name."""
    found: dict[str, Path] = {}
    for folder in (data_dir / FOLDER, data_dir, data_dir / "MNIST" / "raw", data_dir / "raw"):
        for part, stem in PARTS.items():
            path = first_file([folder], spellings(stem))
            if path:
                found[part] = path
        if found:
            break
    folder = next(iter(found.values())).parent if found else data_dir / FOLDER
    return {part: found.get(part, folder / f"{stem}-ubyte") for part, stem in PARTS.items()}


def spellings(stem: str) -> list[str]:
    """The possible names of a file, best first: plain before gzip, `-idx3` before `.idx3`."""
    plain = [f"{stem}-ubyte", f"{stem.replace('-idx', '.idx')}-ubyte"]
    return plain + [f"{name}.gz" for name in plain]


def check_pair(images_path: Path | str, images: NDArray[Any], labels_path: Path | str, labels: NDArray[Any]) -> None:
    """Raises DataError when the images and labels from these files are not digits or do not belong together."""
    check_part(images_path, images, dimensions=3)
    check_part(labels_path, labels, dimensions=1)
    if len(images) != len(labels):
        raise DataError(f"{labels_path}: {len(labels)} labels, but {images_path} has {len(images)} images; fetch both again")


def check_part(path: Path | str, array: NDArray[Any], dimensions: int) -> None:
    """Raises DataError when `array`, read from `path`, does not hold images (3 dimensions) or labels (1 dimension)."""
    shape = (SIDE, SIDE)[: dimensions - 1]
    if array.dtype != np.uint8 or array.ndim != dimensions or array.shape[1:] != shape:
        wanted = f"(n, {SIDE}, {SIDE})" if dimensions == 3 else "(n,)"
        raise DataError(f"{path}: {array.dtype.name} of shape {array.shape}; {FOLDER} needs uint8 of shape {wanted}")
    if not len(array):
        raise DataError(f"{path}: no rows; {AGAIN}")
    if dimensions == 1 and array.max() >= CLASSES:
        raise DataError(f"{path}: label {array.max()} in row {int(array.argmax())}; labels are 0 to {CLASSES - 1}")
