"""How fast data is read: raw and compressed IDX of MNIST's size beside the decompressors alone, and stock windows.

On the files that MANYHANDS_DATA names, else on embedded data repeated to the same size.

    pytest benchmarks/pytest_suite/test_readers.py --benchmark-only --benchmark-group-by=group
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from isal import igzip, isal_zlib

from manyhands.data.folder import data_dir
from manyhands.data.idx import read_idx, write_idx
from manyhands.data.inflate import GZIP
from manyhands.data.mnist import load_mnist, mnist_files
from manyhands.data.stocks import load_windows

IMAGES = 60_000
ROUNDS = 5


@pytest.fixture(scope="module")
def raw_images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60,000 images as plain IDX."""
    path = tmp_path_factory.mktemp("raw") / "train-images-idx3-ubyte"
    write_idx(path, np.resize(load_mnist(data_dir(None)).x_train, (IMAGES, 28, 28)))
    return path


@pytest.fixture(scope="module")
def packed_images(raw_images: Path) -> Path:
    """The same images as gzip: the file as it was published where there is one."""
    folder = data_dir(None)
    published = mnist_files(folder)["x_train"] if folder else raw_images
    if published.suffix == ".gz":
        return published
    path = raw_images.with_name(f"{raw_images.name}.gz")
    write_idx(path, read_idx(raw_images))
    return path


@pytest.mark.benchmark(group="idx-raw")
def test_open_raw_images(benchmark: Any, raw_images: Path) -> None:
    """Target: under 1 ms, because nothing is copied."""
    assert benchmark(read_idx, raw_images).shape == (IMAGES, 28, 28)


@pytest.mark.benchmark(group="idx-gzip")
def test_read_packed_images(benchmark: Any, packed_images: Path) -> None:
    """Target: within 1.15 x of isal alone, file reading included."""
    assert benchmark.pedantic(read_idx, (packed_images,), rounds=ROUNDS, warmup_rounds=1).shape == (IMAGES, 28, 28)


@pytest.mark.benchmark(group="idx-gzip")
@pytest.mark.parametrize(
    "decompress",
    [
        pytest.param(lambda packed: isal_zlib.decompress(packed, GZIP), id="isal_zlib"),
        pytest.param(igzip.decompress, id="igzip"),
        pytest.param(gzip.decompress, id="gzip"),
    ],
)
def test_decompressor_alone(benchmark: Any, packed_images: Path, decompress: Callable[[bytes], bytes]) -> None:
    packed = packed_images.read_bytes()
    assert len(benchmark.pedantic(decompress, (packed,), rounds=ROUNDS, warmup_rounds=1)) == IMAGES * 28 * 28 + 16


@pytest.mark.benchmark(group="stocks")
def test_load_windows(benchmark: Any) -> None:
    windows = benchmark.pedantic(load_windows, (data_dir(None),), rounds=ROUNDS, warmup_rounds=1)
    assert windows.x_train.shape[1:] == (60, 5)
