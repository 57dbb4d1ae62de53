"""Digits from a folder: every spelling, what is preferred, and sets that do not fit together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhands.data.idx import write_idx
from manyhands.data.mnist import load_mnist
from manyhands.errors import DataError

IMAGES, LABELS = np.arange(3 * 784).reshape(3, 28, 28).astype(np.uint8), np.array([3, 0, 9], np.uint8)


def write_set(folder: Path, dash: str = "-", suffix: str = "") -> None:
    for part, kept in (("train", slice(None)), ("t10k", slice(2))):
        write_idx(folder / f"{part}-images{dash}idx3-ubyte{suffix}", IMAGES[kept])
        write_idx(folder / f"{part}-labels{dash}idx1-ubyte{suffix}", LABELS[kept])


@pytest.mark.parametrize("below", ["mnist", ".", "MNIST/raw", "raw"])
@pytest.mark.parametrize("dash", ["-", "."])
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_finds_every_spelling(tmp_path: Path, below: str, dash: str, suffix: str) -> None:
    write_set(tmp_path / below, dash, suffix)
    digits = load_mnist(tmp_path)
    assert np.array_equal(digits.x_train, IMAGES)
    assert np.array_equal(digits.y_train, LABELS)
    assert np.array_equal(digits.x_test, IMAGES[:2])
    assert np.array_equal(digits.y_test, LABELS[:2])
    assert digits.source == str(tmp_path / below)


def test_prefers_plain_files_and_the_folder_of_the_sets_name(tmp_path: Path) -> None:
    write_set(tmp_path / "mnist")
    (tmp_path / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(b"never read")
    (tmp_path / "train-images-idx3-ubyte").write_bytes(b"never read")
    assert len(load_mnist(tmp_path).x_train) == 3


@pytest.mark.parametrize("part", ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"])
def test_names_the_file_that_is_missing(tmp_path: Path, part: str) -> None:
    write_set(tmp_path)
    (tmp_path / f"{part}-ubyte").unlink()
    with pytest.raises(DataError, match=f"no file .*{part}-ubyte"):
        load_mnist(tmp_path)


def test_names_a_file_of_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file .*mnist/train-images-idx3-ubyte"):
        load_mnist(tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        ("train-images-idx3", np.zeros((3, 28, 27), np.uint8), r"uint8 of shape \(3, 28, 27\); mnist needs uint8 of shape"),
        ("train-images-idx3", np.zeros((3, 784), np.uint8), "mnist needs uint8 of shape"),
        ("train-images-idx3", np.zeros((3, 28, 28), np.int32), "int32 .*mnist needs uint8"),
        ("train-images-idx3", np.zeros((0, 28, 28), np.uint8), "no rows"),
        ("t10k-labels-idx1", np.zeros((2, 1), np.uint8), r"mnist needs uint8 of shape \(n,\)"),
        ("t10k-labels-idx1", np.zeros(3, np.uint8), "3 labels, but .*t10k-images-idx3-ubyte has 2 images"),
        ("t10k-labels-idx1", np.array([9, 10], np.uint8), "label 10 in row 1; labels are 0 to 9"),
    ],
)
def test_refuses_files_that_are_no_digits(tmp_path: Path, name: str, array: np.ndarray, problem: str) -> None:
    write_set(tmp_path)
    write_idx(tmp_path / f"{name}-ubyte", array)
    with pytest.raises(DataError, match=problem) as error:
        load_mnist(tmp_path)
    assert f"{name}-ubyte" in str(error.value)


def test_the_embedded_digits_are_whole_and_balanced() -> None:
    digits = load_mnist(None)
    assert digits.source == "embedded digits"
    assert digits.x_train.shape == (8192, 28, 28)
    assert digits.x_test.shape == (2048, 28, 28)
    for labels in (digits.y_train, digits.y_test):
        assert np.bincount(labels, minlength=10).min() > len(labels) / 15
    assert digits.x_train.max() == 255
    assert digits.x_train.min() == 0


def test_the_real_digits_are_those_that_were_published(real_data: Path) -> None:
    digits = load_mnist(real_data)
    assert digits.x_train.shape == (60000, 28, 28)
    assert digits.x_test.shape == (10000, 28, 28)
    assert np.bincount(digits.y_train).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(digits.y_test).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
