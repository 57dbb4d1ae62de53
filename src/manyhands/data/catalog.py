"""The files of each data set: finds the known files in a folder of data, and reads a whole file to check it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from manyhands.data import mnist, points, stocks, tables, tabular
from manyhands.data.idx import read_header, read_idx
from manyhands.data.price_table import read_prices
from manyhands.data.row_parts import rows_stored
from manyhands.errors import DataError


@dataclass(frozen=True)
class KnownFile:
    """A file of a set, found by its name."""

    set: str
    """`mnist`, `points`, `stocks` or `tabular`."""
    path: Path
    used: bool
    """True when the set is read from this file; False when another file of the set is preferred."""
    dimensions: int = 0
    """Dimensions of an IDX file: 3 for images, 1 for labels; 0 for any other file."""


def known_files(data_dir: Path) -> list[KnownFile]:
    """The files of every set in `data_dir`, by set and name; none when the folder holds no known file."""
    return [*_mnist_files(data_dir), *_points_files(data_dir), *_stocks_files(data_dir), *_tabular_files(data_dir)]


def count_rows(file: KnownFile) -> int:
    """The number of images, labels, prices without a blank, points or labelled rows in the file.

    Reads only the header of an IDX or .npy file, and a table once. Raises DataError when the file is damaged.
    """
    if file.path.suffix == ".npy":
        return rows_stored(str(file.path))
    if file.set == "stocks":
        return len(read_prices(file.path).day)
    if file.set == "points":
        return len(points.convert_points(file.path).rows)
    if file.set == "tabular":
        return tabular.count_rows(file.path)
    shape = read_header(file.path).shape
    return shape[0] if shape else 1


def check_file(file: KnownFile) -> tuple[int, str]:
    """The number of rows and the sha256 of the stored bytes; reads the whole file. Raises DataError when it is damaged."""
    if not file.dimensions:
        return count_rows(file), _sha256(file.path)
    array = read_idx(file.path)
    mnist.check_part(file.path, array, file.dimensions)
    return len(array), _sha256(file.path)


def check_sets(files: list[KnownFile], data_dir: Path) -> list[str]:
    """Errors of whole sets, such as a missing file or labels without images; an empty list when the sets are complete."""
    if not any(file.set == "mnist" for file in files):
        return []
    try:
        mnist.load_mnist(data_dir)
    except DataError as error:
        return [str(error)]
    return []


def _mnist_files(data_dir: Path) -> list[KnownFile]:
    used = set(mnist.mnist_files(data_dir).values())
    found = []
    for folder in (data_dir / mnist.FOLDER, data_dir):
        for part, stem in mnist.PARTS.items():
            paths = [folder / name for name in mnist.spellings(stem) if (folder / name).is_file()]
            found += [KnownFile("mnist", path, path in used, 3 if part.startswith("x") else 1) for path in paths]
    return found


def _stocks_files(data_dir: Path) -> list[KnownFile]:
    folders = [*(data_dir / folder for folder in stocks.FOLDERS), data_dir]
    paths = [folder / name for folder in folders for name in stocks.file_names() if (folder / name).is_file()]
    return [KnownFile("stocks", path, path == stocks.stocks_file(data_dir)) for path in paths]


def _points_files(data_dir: Path) -> list[KnownFile]:
    """Tables of points, and generated parts. A table with a known label is listed under `tabular` instead."""
    made = sorted((data_dir / points.SET).glob("part-*.npy"))
    stems = [known.stem for known in points.KNOWN if not tables.known_table(Path(known.stem))]
    found = [*made, *_by_name(data_dir, points.FOLDERS, stems, points.SUFFIXES)]
    return [KnownFile("points", path, path in made if made else path == found[0]) for path in found]


def _tabular_files(data_dir: Path) -> list[KnownFile]:
    """Tables with a label, their held-out rows, and generated parts."""
    made = sorted(path for role in ("train", "test") for path in (data_dir / tabular.SET).glob(f"{role}-*.npy"))
    stems = [stem for known in tables.KNOWN for stem in (known.train, known.test) if stem]
    found = [*made, *_by_name(data_dir, (tabular.SET,), stems, tabular.SUFFIXES)]
    used = set(made)
    if found and not made:
        first = tables.known_table(found[0])
        used = {path for path in found if first and path.name.startswith((first.train, first.test or first.train))}
    return [KnownFile("tabular", path, path in used) for path in found]


def _by_name(data_dir: Path, folders: Iterable[str], stems: Iterable[str], suffixes: Iterable[str]) -> list[Path]:
    """The existing files with these names, in the order of the names."""
    places = [*(data_dir / folder for folder in folders), data_dir]
    paths = (place / f"{stem}{suffix}" for stem in stems for place in places for suffix in suffixes)
    return [path for path in paths if path.is_file()]


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check the path") from None
