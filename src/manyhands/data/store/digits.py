"""Handwritten digits from a store: a process fetches only the rows that it needs of the four IDX files of MNIST."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from manyhands.data.fetch_request import FetchRequest, Share
from manyhands.data.idx import Array
from manyhands.data.mnist import FOLDER, PARTS, SIDE, Mnist, check_pair, spellings
from manyhands.data.store.base import Store
from manyhands.data.store.idx_rows import open_rows, read_whole
from manyhands.data.store.multipart_files import StoredFile, find_files, read_spans
from manyhands.errors import DataError

TRAIN = ("x_train", "y_train")
TEST = ("x_test", "y_test")


def fetch_mnist(store: Store, request: FetchRequest) -> tuple[Mnist, int]:
    """The digits at `store` or in its folder `mnist`, and the number of training rows in the whole set.

    Parts that were not requested have no rows. Raises DataError that names the file when one is missing or damaged.
    """
    wanted = [*(TRAIN if request.train else ()), *(TEST if request.test else ())]
    files = find_mnist(store, wanted)
    arrays = dict.fromkeys(PARTS, np.zeros(0, np.uint8)) | {
        part: np.zeros((0, SIDE, SIDE), np.uint8) for part in ("x_train", "x_test")
    }
    total = 0
    if request.train and request.share:
        shared, total = _shared_rows(store, [files[part] for part in TRAIN], request.share)
        arrays |= zip(TRAIN, shared, strict=True)
        wanted = [part for part in wanted if part in TEST]
    if wanted:
        arrays |= zip(wanted, read_whole(store, [files[part] for part in wanted]), strict=True)
        total = total or len(arrays["x_train"])
    for images, labels in (TRAIN, TEST):
        if images in files:
            check_pair(
                store.location.of(files[images].name), arrays[images], store.location.of(files[labels].name), arrays[labels]
            )
    return Mnist(**arrays, source=store.source), total


def find_mnist(store: Store, parts: Iterable[str]) -> dict[str, StoredFile]:
    """Part -> its file; names and preferences are those of a local folder."""
    parts = list(parts)
    folders = (f"{FOLDER}/", "")
    names = [folder + name for folder in folders for part in parts for name in spellings(PARTS[part])]
    found = find_files(store, names)
    for folder in folders:
        files = {
            part: next((found[folder + name] for name in spellings(PARTS[part]) if folder + name in found), None)
            for part in parts
        }
        if any(files.values()):
            break
    for part, file in files.items():
        if file is None:
            name = f"{spellings(PARTS[part])[0]}"
            raise DataError(
                f"no {name}, plain or .gz, at {store.source}; 'manyhands data ls {store.location}' shows what there is"
            )
    return {part: file for part, file in files.items() if file}


def _shared_rows(store: Store, files: Sequence[StoredFile], share: Share) -> tuple[list[Array], int]:
    """A worker's images and labels, and the number of rows in all; compressed files are fetched as a whole."""
    opened = open_rows(store, files)
    packed = [file for file, rows in zip(files, opened, strict=True) if rows is None]
    whole = iter(read_whole(store, packed) if packed else [])
    known = [next(whole) if rows is None else rows for rows in opened]
    counts = [len(rows) if isinstance(rows, np.ndarray) else rows.rows for rows in known]
    if counts[0] != counts[1]:
        raise DataError(
            f"{store.location.of(files[1].name)}: {counts[1]} labels, but {files[0].name} has {counts[0]} images; fetch both again"
        )
    mine = share.rows(counts[0], store.source)
    spans = [[] if isinstance(rows, np.ndarray) else rows.spans(mine) for rows in known]
    contents = iter(read_spans(store, [span for each in spans for span in each]))
    return [
        rows[mine.start : mine.stop] if isinstance(rows, np.ndarray) else rows.array([next(contents) for _ in each], mine)
        for rows, each in zip(known, spans, strict=True)
    ], counts[0]
