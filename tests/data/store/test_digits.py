"""Digits from a store: all of them, one worker's share, in parts, compressed, and with everything that can be wrong."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from object_store import Bucket

from manyhands.data.fetch_request import FetchRequest, Share, share_of
from manyhands.data.idx import LONGEST_HEADER, write_idx
from manyhands.data.store.digits import fetch_mnist
from manyhands.data.store.opening import open_store
from manyhands.errors import DataError

ROWS = 50
IMAGES = np.random.default_rng(1).integers(0, 256, (ROWS, 28, 28), np.uint8)
LABELS = np.random.default_rng(2).integers(0, 10, ROWS, np.uint8)
TEST_ROWS = 7


@pytest.fixture(params=["", ".gz"])
def suffix(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def write_set(folder: Path, suffix: str = "") -> Path:
    for part, rows in (("train", ROWS), ("t10k", TEST_ROWS)):
        write_idx(folder / f"{part}-images-idx3-ubyte{suffix}", IMAGES[:rows])
        write_idx(folder / f"{part}-labels-idx1-ubyte{suffix}", LABELS[:rows])
    return folder


def split(path: Path, parts: int) -> None:
    """Makes a folder of pieces of its bytes out of a file."""
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    bounds = [len(content) * number // parts for number in range(parts + 1)]
    for number in range(parts):
        (path / f"part-{number:03d}").write_bytes(content[bounds[number] : bounds[number + 1]])


def split_rows(path: Path, array: np.ndarray, parts: int, suffix: str = "") -> None:
    """Makes a folder of IDX files with some of the rows each out of a file."""
    path.unlink()
    for number in range(parts):
        rows = share_of(len(array), parts, number)
        write_idx(path / f"part-{number:03d}{suffix}", array[rows.start : rows.stop])


def test_all_rows(tmp_path: Path, suffix: str) -> None:
    digits, total = fetch_mnist(open_store(str(write_set(tmp_path, suffix))), FetchRequest())
    assert total == ROWS
    assert np.array_equal(digits.x_train, IMAGES)
    assert np.array_equal(digits.y_train, LABELS)
    assert np.array_equal(digits.x_test, IMAGES[:TEST_ROWS])
    assert np.array_equal(digits.y_test, LABELS[:TEST_ROWS])
    assert digits.source == str(tmp_path)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("samples", [None, 20])
def test_shares_are_disjoint_complete_and_no_more_than_needed(
    tmp_path: Path, suffix: str, workers: int, samples: int | None
) -> None:
    write_set(tmp_path / "mnist", suffix)
    images, labels = [], []
    for rank in range(workers):
        store = open_store(str(tmp_path))
        digits, total = fetch_mnist(store, FetchRequest(test=rank == 0, share=Share(rank, workers, samples)))
        assert total == ROWS
        assert len(digits.x_test) == (TEST_ROWS if rank == 0 else 0)
        images.append(digits.x_train)
        labels.append(digits.y_train)
        if not suffix and rank:
            rows = len(digits.x_train)
            assert store.bytes_moved == rows * 785 + LONGEST_HEADER + min(LONGEST_HEADER, ROWS + 8)
            assert store.requests == 4
    assert np.array_equal(np.concatenate(images), IMAGES[:samples])
    assert np.array_equal(np.concatenate(labels), LABELS[:samples])


@pytest.mark.parametrize("own_files", [False, True])
@pytest.mark.parametrize("share", [None, Share(1, 3, None)])
def test_parts_are_pieces_or_files_of_their_own(tmp_path: Path, suffix: str, own_files: bool, share: Share | None) -> None:
    write_set(tmp_path, suffix)
    for name, array in (("train-images-idx3-ubyte", IMAGES), ("train-labels-idx1-ubyte", LABELS)):
        if own_files:
            split_rows(tmp_path / f"{name}{suffix}", array, 4, suffix)
        else:
            split(tmp_path / f"{name}{suffix}", 4)
    digits, total = fetch_mnist(open_store(str(tmp_path)), FetchRequest(share=share))
    rows = share.rows(ROWS, "") if share else range(ROWS)
    assert total == ROWS
    assert np.array_equal(digits.x_train, IMAGES[rows.start : rows.stop])
    assert np.array_equal(digits.y_train, LABELS[rows.start : rows.stop])


def test_compressed_pieces_of_separate_streams(tmp_path: Path) -> None:
    """What `split` and then gzip on each piece make: one file of several gzip members."""
    write_set(tmp_path)
    path = tmp_path / "train-images-idx3-ubyte"
    split(path, 3)
    for part in path.iterdir():
        part.write_bytes(gzip.compress(part.read_bytes()))
    digits, _ = fetch_mnist(open_store(str(tmp_path)), FetchRequest(share=Share(0, 2, None)))
    assert np.array_equal(digits.x_train, IMAGES[:25])


@pytest.mark.parametrize("share", [None, Share(0, 2, None)])
@pytest.mark.parametrize("change", ["shorter", "longer", "missing part", "last part missing", "no labels", "other labels"])
def test_what_is_wrong_is_reported(tmp_path: Path, share: Share | None, change: str) -> None:
    path = write_set(tmp_path) / "train-images-idx3-ubyte"
    labels = tmp_path / "train-labels-idx1-ubyte"
    if change == "shorter":
        path.write_bytes(path.read_bytes()[:-1])
        problem = "train-images-idx3-ubyte: truncated: the header says"
    elif change == "longer":
        path.write_bytes(path.read_bytes() + b"x")
        problem = "train-images-idx3-ubyte: too long"
    elif change == "missing part":
        split(path, 4)
        (path / "part-002").unlink()
        problem = "part train-images-idx3-ubyte/part-002 is missing"
    elif change == "last part missing":
        split(path, 4)
        (path / "part-003").unlink()
        problem = "train-images-idx3-ubyte: truncated"
    elif change == "no labels":
        labels.unlink()
        problem = "no train-labels-idx1-ubyte, plain or .gz, at"
    else:
        write_idx(labels, LABELS[:-1])
        problem = "49 labels, but .*has 50 images"
    with pytest.raises(DataError, match=problem):
        fetch_mnist(open_store(str(tmp_path)), FetchRequest(share=share))


def test_too_few_rows_are_reported(tmp_path: Path) -> None:
    store = open_store(str(write_set(tmp_path)))
    with pytest.raises(DataError, match="has 50 training rows, 51 were asked for; use fewer --samples"):
        fetch_mnist(store, FetchRequest(share=Share(0, 2, 51)))
    with pytest.raises(DataError, match="1 rows cannot be spread over 2 workers"):
        fetch_mnist(store, FetchRequest(share=Share(0, 2, 1)))


def test_only_the_held_out_rows(tmp_path: Path) -> None:
    store = open_store(str(write_set(tmp_path)))
    digits, _ = fetch_mnist(store, FetchRequest(train=False))
    assert len(digits.x_train) == len(digits.y_train) == 0
    assert len(digits.x_test) == len(digits.y_test) == TEST_ROWS
    assert store.bytes_moved == TEST_ROWS * 785 + 16 + 8


def test_from_a_bucket_by_byte_range(bucket: Bucket, tmp_path: Path) -> None:
    pytest.importorskip("obstore")
    for path in write_set(tmp_path).iterdir():
        bucket.put(f"mnist/{path.name}", path.read_bytes())
    store = open_store(f"{bucket.place}/mnist")
    digits, total = fetch_mnist(store, FetchRequest(test=False, share=Share(4, 5, None)))
    assert total == ROWS
    assert np.array_equal(digits.x_train, IMAGES[40:])
    assert np.array_equal(digits.y_train, LABELS[40:])
    assert store.bytes_moved == 10 * 785 + LONGEST_HEADER + ROWS + 8
    assert digits.source == f"{bucket.place}/mnist at {bucket.endpoint}"


def test_from_the_web_where_names_are_tried(web: str, web_folder: Path, suffix: str) -> None:
    write_set(web_folder, suffix)
    digits, total = fetch_mnist(open_store(web), FetchRequest(share=Share(1, 5, None)))
    assert total == ROWS
    assert np.array_equal(digits.x_train, IMAGES[10:20])
    assert np.array_equal(digits.y_test, LABELS[:TEST_ROWS])
    with pytest.raises(DataError, match=r"no train-images-idx3-ubyte, plain or .gz, at http"):
        fetch_mnist(open_store(f"{web}/nothing"), FetchRequest())
